#!/bin/sh
# Prints the state of jobs. $1 our own folder, $2 the job's id (empty: the newest of the workspace), $3 the workspace, $4
# which jobs: one or all.
# shellcheck disable=SC2154 # pick_job sets job

state=$(absolute "$1")
check_own "$state" "$state/jobs"
if [ "$4" = all ]; then
  check_readable "$state/jobs"
  # The newest first: a pattern is expanded in order, and ids begin with the time.
  newest_first=
  for each in "$state"/jobs/*; do newest_first="${each##*/} $newest_first"; done
  for id in $newest_first; do
    [ ! -d "$state/jobs/$id" ] || tell_job "$state/jobs/$id"
  done
else
  pick_job "$state" "$2" "$(absolute "$3")"
  job_state "$job"
  need_state
  tell_job "$job"
fi
