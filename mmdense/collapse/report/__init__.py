"""The collapse report: figures of one run or several, advice, one page."""
