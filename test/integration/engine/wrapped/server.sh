#!/bin/sh
# Serves nothing: leaves orphans behind, tells its variables, and ends with 5 when it is asked to.
trap 'echo ending; exit 5' TERM
for i in 1 2 3 4 5; do (sleep 0.1 &); done
echo "LD_BIND_NOW=$LD_BIND_NOW NODE_OPTIONS=$NODE_OPTIONS umask=$(umask)"
echo ready
while :; do sleep 0.2; done
