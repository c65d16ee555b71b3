#!/bin/sh
# Tells how jobs are. $1 our own folder, $2 the job's id (empty: the newest of the workspace), $3 the workspace, $4 which:
# one or all.
# shellcheck disable=SC2154 # pick_job sets job

state=$(absolute "$1")
if [ "$4" = all ]; then
  # shellcheck disable=SC2012
  for id in $(ls "$state/jobs" 2>/dev/null | sort -r); do tell_job "$state/jobs/$id"; done
else
  pick_job "$state" "$2" "$(absolute "$3")"
  tell_job "$job"
fi
