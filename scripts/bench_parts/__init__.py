"""The parts of scripts/bench.

machine.py   cores, processes, what the kernel knows of them
wire.py      requests and replies as bytes
servers.py   the three servers: how each is started
speed.py     CPU per operation and throughput, under redis-benchmark
memory.py    bytes per item and per idle connection
process.py   the process itself: start, size, threads
latency.py   while growing, in the middle of a list, of a short block
figures.py   one measured number beside Redis's and the goal
report.py    the table on the terminal, as Markdown, CSV and JSON
plots.py     the plots
run.py       the order of things
"""
