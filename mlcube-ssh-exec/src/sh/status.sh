#!/bin/sh
# Prints the state of jobs.
# Given:
#   state      the state folder
#   id         the job's, or nothing for the newest of the workspace
#   workspace  that of the job
#   which      `all` for the jobs of all workspaces, or `one`
# Replies:
#   now SECONDS           the host's time, before all jobs
#   job …                 for each job, by tell_job
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # select-job.sh sets job, the client what is given

locate "$state"
state=$path
check_own "$state" "$state/jobs"
if [ "$which" = all ]; then
  printf 'now %s\n' "$(date '+%s')"
  check_readable "$state/jobs"
  # The newest first: a pattern is expanded in order, and ids begin with the time.
  newest_first=
  for each in "$state"/jobs/*; do newest_first="${each##*/} $newest_first"; done
  for id in $newest_first; do
    [ ! -d "$state/jobs/$id" ] || tell_job "$state/jobs/$id"
  done
else
  pick_job
  job_state "$job"
  need_state
  tell_job "$job"
fi
