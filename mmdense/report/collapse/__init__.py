"""The part of a report on collapse: verdicts with advice, figures of one run or several."""
