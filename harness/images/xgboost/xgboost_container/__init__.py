"""The built-in XGBoost algorithm as a stand-alone container program (algorithm mode and its model server).

Knows the container contract and the installed xgboost, nothing of the emulator. Runs on Python 3.7 and later.
"""
