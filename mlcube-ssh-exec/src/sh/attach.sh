#!/bin/sh
# Continues a job's log.
# Given:
#   state      the state folder
#   id         the job's, or nothing for the newest of the workspace
#   workspace  that of the job
#   offset     the first byte to send, or nothing for the last lines
#   lines      the number of lines, or nothing for all
#   mark       ends what isn't lines: random, so that no log holds it
#   then       `follow` the log after its existing part, or `end`
# Replies:
#   job ID                the job
#   record                then its job.json, the mark and the size, and a newline
#   offset N              then what follow.sh sends
#   warning TEXT          after the existing part of the log, if the rest is gone
#   end                   after that part, without `follow`
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # select-job.sh sets job, the client what is given

pick_job
printf 'job %s\n' "${job##*/}"
if [ -f "$job/job.json" ]; then
  # Read once: a launcher may put another one in its place. The log can be shown without it.
  record=$(cat "$job/job.json") &&
    printf 'record\n%s%s %s\n' "$record" "$mark" "$(printf '%s' "$record" | wc -c)"
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
