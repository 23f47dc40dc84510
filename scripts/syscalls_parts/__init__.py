"""The parts of scripts/compare-syscalls.

script.py     a client script: a file made into steps
stage.py      a server under strace, and the clients of a script
trace.py      what strace wrote, made into calls
naming.py     what differs from run to run gets a name
tally.py      how often each call was made, and what only a timer asked for
folding.py    repetition made short
phases.py     which phase of a server's loop a call belongs to
compare.py    two servers in one script, side by side
budgets.py    what each script may cost
kqueue.py     what the same script costs on kqueue
text.py       the comparison on a terminal
page.py       the comparison as one page of HTML, shaped by page.html.j2
run.py        the order of things
"""
