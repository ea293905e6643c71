WORD = "the job's own"
