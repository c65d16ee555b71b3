#!/bin/sh
# mlcube starts this with the task's name and its parameters: train --data=/… --model=/… --log=/…
set -eu

task=${1:?the task: train or evaluate}
shift
data='' model='' log='' metrics=''
for word do
    case $word in
        --data=*) data=${word#*=} ;;
        --model=*) model=${word#*=} ;;
        --log=*) log=${word#*=} ;;
        --metrics=*) metrics=${word#*=} ;;
        *) echo "linreg: $task has no parameter '$word'" >&2; exit 2 ;;
    esac
done

case $task in
    train)
        /bin/busybox awk -F, -v model="$model/model.csv" -v log_file="$log" -f /app/train.awk "$data" ;;
    evaluate)
        /bin/busybox awk -F, -f /app/evaluate.awk "$model/model.csv" "$data" > "$metrics"
        /bin/busybox cat "$metrics" ;;
    *) echo "linreg: no task '$task'; there are: train, evaluate" >&2; exit 2 ;;
esac
