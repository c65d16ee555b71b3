#!/bin/sh
# Stops a job: its containers, then every process with its mark; TERM first, KILL after the grace. Checks the result: a
# job that still has a process hasn't been stopped.
# Given:
#   state      the state folder
#   id         the job's, or nothing for the newest of the workspace
#   workspace  that of the job
#   grace      in seconds
#   force      `yes` to release the workspace whatever is left of the job, also of one that can't be reached from this
#              node: that one isn't ended
# Replies:
#   left …                what couldn't be ended, if there is something
#   job …                 its state, by tell_job
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2034,SC2154 # the launcher's stop.sh reads id and lock; select-job.sh sets job; jobs.sh sets how, why and its_host; the client what is given

pick_job
id=${job##*/}
its_workspace=
read -r its_workspace <"$job/workspace" || problem no-look "$job/workspace"
find_lock "$its_workspace" "${job%/jobs/*}"
lock=$its_lock

job_state "$job"
is_batch_job "$job" || batch=direct
"stop_by_$batch"
