"""The definition of a SageMaker pipeline: its grammar, its expressions, and the rules for running its steps."""
