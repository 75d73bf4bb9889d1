"""Turn raw question-answer collections into verified long chain-of-thought corpora."""
