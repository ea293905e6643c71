"""Every text the analyzer says: exit messages, violation descriptions, errors. No logic."""

from __future__ import annotations

# Exit messages, as the service writes them.
COMPLETED = "Completed: Job completed successfully with no violations."
COMPLETED_WITH_VIOLATIONS = "CompletedWithViolations: Job completed successfully with {count} violations."
ERROR = "Error: {text}"
UNEXPECTED = "Error: {kind} in the analyzer: {text}. The log holds the traceback."

# Log.
PROFILED = "Analyzed {rows} rows of {columns} columns below {path}."

# Violation descriptions. Only the first is known word for word; the others are the best published reading.
DATA_TYPE = (
    "Data type match requirement is not met. Expected data type: {expected}, Expected match: {threshold}%. "
    "Observed: Only {observed}% of data is {expected}."
)
COMPLETENESS = (
    "Data completeness requirement is not met. Expected completeness: {expected}%. "
    "Observed: Only {observed}% of data is complete."
)
DRIFT_DISTANCE = "Baseline drift distance: {distance} exceeds threshold: {threshold}"
DRIFT_P_VALUE = "Baseline drift p-value: {distance} is below threshold: {threshold}"
MISSING_COLUMNS_FEATURE = "Missing columns"
EXTRA_COLUMNS_FEATURE = "Extra columns"
MISSING_COLUMNS = (
    "There are missing columns in current dataset. Number of columns in current dataset: {current}, "
    "Number of columns in baseline constraints: {baseline}"
)
EXTRA_COLUMNS = (
    "There are extra columns in current dataset. Number of columns in current dataset: {current}, "
    "Number of columns in baseline constraints: {baseline}"
)
CATEGORICAL_VALUES = (
    "Value: {observed} does not meet the constraint requirement! Only {percent}% of values are in the baseline "
    "domain, expected at least {threshold}%."
)

# Settings.
SETTING_MISSING = "the environment variable {name} is not set; a data-quality job needs {names}."
ANALYSIS_TYPE = (
    "analysis_type '{value}' is not supported by this analyzer, only data quality is. "
    "Leave analysis_type out for a data-quality job."
)
SETTING_CHOICE = "{name} is '{value}', but must be {choices}."
SETTING_TIME = "{name} is '{value}', which is not a time of the form YYYY-MM-DDTHH:MM:SSZ."
SETTING_WINDOW = "start_time '{start}' is not before end_time '{end}'."
SETTING_WINDOW_HALF = "start_time and end_time belong together, but only {name} is set."
JOB_CONFIG = "{path} is not a JSON object with an Environment of texts: {reason}."
FORMAT_JSON = 'dataset_format \'{value}\' is not valid JSON: {reason}. Example: {{"csv": {{"header": true}}}}.'
FORMAT_SHAPE = "dataset_format '{value}' must be a JSON object with exactly one of the keys {choices}."
FORMAT_OPTION = "dataset_format {kind}.{option} is {value}, but must be {expected}."
FORMAT_UNKNOWN_OPTION = "dataset_format {kind} has the unknown option '{option}'; known are {choices}."
FORMAT_MERGE = (
    "dataset_format sagemakerMergeJson belongs to model-quality jobs, which this analyzer does not support; "
    "use sagemakerCaptureJson for captured data."
)
SEVERAL_INSTANCES = (
    "the analyzer runs on one instance, but the job has {count} ({hosts}). Set InstanceCount (instance_count) to 1."
)

# Input files.
SOURCE_MISSING = "dataset_source '{path}' does not exist. Check the LocalPath of the job's input."
SOURCE_EMPTY = "Job inputs had no data: no file below dataset_source '{path}' holds a row."
WINDOW_EMPTY = (
    "Job inputs had no data: none of the {count} captured records has an inferenceTime from {start} up to {end}. "
    "Check start_time and end_time against the captured hours."
)
ALL_DROPPED = "Job inputs had no data: record_preprocessor_script returned [] for all {count} records."
FILE_UNREADABLE = "{path} cannot be read as {kind}: {reason}."
CSV_EXTRA_CELLS = (
    "{path} has a row with more than the {columns} columns of its first line. Check the separator (only ',' is "
    "accepted), the quoting, and that all rows have the same number of columns."
)
CSV_SHORT_ROW = (
    "{path} has a row with fewer than the {columns} columns of its first line. Check that all rows have the same "
    "number of columns; an empty cell still needs its comma."
)
CSV_QUOTE = "{path} has a quoted cell that is never closed (a row longer than {limit} MB)."
CSV_HEADER_DIFFERS = (
    "{path} has the columns {found}, but the first file has {expected}. All files below dataset_source need the "
    "same columns in the same order."
)
DUPLICATE_COLUMN = "{path} names the column '{name}' twice. Give every column its own name."
DOTTED_COLUMN = "the column name '{name}' contains a dot, which Model Monitor cannot analyze. Rename the column."
JSON_LINE = "{path} line {line} is not valid JSON: {reason}. dataset_format json.lines says one object per line."
JSON_DOCUMENT = "{path} is not valid JSON: {reason}."
JSON_NOT_FLAT = (
    "{where}: '{name}' holds {kind}. JSON records must be flat objects of scalars; flatten them with a "
    "record_preprocessor_script."
)
JSON_NOT_OBJECT = (
    "{where} holds {kind} where a flat JSON object is expected. Turn it into one with a record_preprocessor_script."
)
PARQUET_COLUMN = "{path}: column '{name}' has the type {dtype}, which has no statistics. Flatten or drop the column."

# Captured records.
CAPTURE_LINE = "{path} line {line} is not a captured record: {reason}."
CAPTURE_SIDE = (
    "{where} holds no {side}. Capture it (CaptureOptions of DataCaptureConfig: both Input and Output) or take it out "
    "of captureIndexNames in dataset_format."
)
CAPTURE_ENCODINGS = (
    "Encoding mismatch: Encoding is {one} for {first}, but Encoding is {other} for {second}. "
    "We currently only support the same type of input and output encoding at the moment."
)
CAPTURE_ENCODING = "{where}: encoding of {side} is '{value}', but must be CSV, JSON or BASE64."
CAPTURE_BASE64 = (
    "{where}: {side} (content type '{content_type}') is BASE64 and not UTF-8 text of CSV or JSON ({reason}). List the "
    "content type under CsvContentTypes or JsonContentTypes of the capture config, or decode it with a "
    "record_preprocessor_script."
)
CAPTURE_LINES = (
    "{where}: {first} holds {first_count} lines and {second} holds {second_count}. Both must have one line per row; "
    "bring them into line with a record_preprocessor_script."
)
CAPTURE_SAME_KEY = (
    "{where}: the JSON key '{name}' is both in the output and in the input. Rename one of them with a "
    "record_preprocessor_script."
)
CAPTURE_TIME = "{where}: eventMetadata.inferenceTime '{value}' is not a time of the form YYYY-MM-DDTHH:MM:SSZ."

# Scripts.
SCRIPT_MISSING = "{setting} '{path}' does not exist. Check the input that carries the script."
SCRIPT_IMPORT = "{setting} '{path}' cannot be imported: {reason}."
SCRIPT_FUNCTION = "{setting} '{path}' has no function {function}."
SCRIPT_RAISED = "{function} of '{path}' raised {kind}: {reason}."
SCRIPT_EMPTY = "preprocess_handler of '{path}' returned an empty dictionary. Return [] to drop a record."
SCRIPT_RESULT = (
    "preprocess_handler of '{path}' returned {kind}. Return a dictionary of name to scalar, a list of such "
    "dictionaries, or [] to drop the record."
)
SCRIPT_VALUE = "preprocess_handler of '{path}' returned {kind} for '{name}'. Only text, numbers, booleans and None fit."
SCRIPT_PARQUET = "record_preprocessor_script works on csv, json and captured data; dataset_format is parquet."

# Baseline files.
BASELINE_MISSING = "{setting} '{path}' does not exist. Check the monitoring job's {input} input."
BASELINE_JSON = "{setting} '{path}' is not valid JSON: {reason}."
BASELINE_SHAPE = "{setting} '{path}': {place} must be {expected}, but is {value}."
