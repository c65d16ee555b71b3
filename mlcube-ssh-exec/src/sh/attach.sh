#!/bin/sh
# Continues a job's log. $1 our own folder, $2 the job's id (empty: the newest of the workspace), $3 the workspace, $4 the
# first byte to send (empty: the last $5 lines; both empty: everything), $6 what to do after the existing part of the log:
# follow or end.
# Reply, first: `job ID`, `record N` and N bytes, `offset N`; after the existing part of the log `end`.
# shellcheck disable=SC2154 # pick_job sets job

pick_job "$(absolute "$1")" "$2" "$(absolute "$3")"
printf 'job %s\n' "${job##*/}"
if [ -f "$job/job.json" ]; then
  printf 'record %s\n' "$(wc -c <"$job/job.json")"
  cat "$job/job.json"
fi
from=$4
if [ -z "$from" ] && [ -n "$5" ]; then
  measure_log "$job"
  from=$((size - $(head -c "$size" "$job/log" | tail -n "$5" | wc -c)))
fi
offset=${from:-0}
printf 'offset %s\n' "$offset"
if [ "$6" = follow ]; then follow_job "$job" "$offset"; fi
send_log "$job" || :
printf 'end\n'
