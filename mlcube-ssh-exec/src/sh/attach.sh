#!/bin/sh
# Continues a job's log.
# Given: state (the state folder); id, the job's, or nothing for the newest of the workspace; workspace; offset, the
# first byte to send, or nothing for the last `lines` lines, which are all if that is nothing, too; then, `follow` the
# log after its existing part, or `end`.
# Replies, first: `job ID`, `record N` and N bytes, `offset N`; after the existing part of the log `warning TEXT`, if
# the rest is gone, and `end`; or problem.
# shellcheck disable=SC2154 # select-job.sh sets job, the client what is given

pick_job
printf 'job %s\n' "${job##*/}"
if [ -f "$job/job.json" ]; then
  printf 'record %s\n' "$(wc -c <"$job/job.json")"
  cat "$job/job.json"
fi
if [ -z "$offset" ] && [ -n "$lines" ]; then
  measure_log "$job"
  offset=$((size - $(head -c "$size" "$job/log" | tail -n "$lines" | wc -c)))
fi
offset=${offset:-0}
printf 'offset %s\n' "$offset"
if [ "$then" = follow ]; then follow_job "$job" "$offset"; fi
send_log "$job" || :
tell_cut_log "$job"
printf 'end\n'
