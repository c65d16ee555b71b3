#!/bin/sh
# Selects a job, and prints its state.
# shellcheck disable=SC2154 # jobs.sh sets how, status, why and its_host; the client state, id and workspace

# Makes `state` and `workspace` absolute, and sets `job` to the folder of the job `id`, or, if `id` is empty, of the newest
# job of the workspace. A folder that can't be read must not count as empty.
pick_job() {
  locate "$state"
  state=$path
  locate "$workspace"
  workspace=$path
  check_own "$state" "$state/jobs"
  if [ -n "$id" ]; then
    job=$state/jobs/$id
    [ -d "$job" ] || problem unknown "$id"
    return 0
  fi
  job=
  check_readable "$state/jobs"
  # Ids begin with the time, and a pattern is expanded in order: the last one is the newest.
  for each in "$state"/jobs/*; do
    [ -d "$each" ] || continue
    its_workspace=
    read -r its_workspace 2>/dev/null <"$each/workspace" || :
    [ "$its_workspace" != "$workspace" ] || job=$each
  done
  [ -n "$job" ] || problem no-job
}

# Prints the state of the job $1: `job ID STATE STATUS STARTED ENDED HOST ABOUT`, with `-` for an unknown value.
tell_job() {
  job_state "$1"
  read -r started 2>/dev/null <"$1/started" || started=-
  ended=-
  case $how in
    finished | killed) ended=$(stat -c %Y "$1/status") ;;
    running) ended=$(date '+%s') ;;
  esac
  read -r _ _ its_host _ 2>/dev/null <"$1/leader" || its_host=-
  printf 'job %s %s %s %s %s %s %s\n' "${1##*/}" "$how${why:+:$why}" "${status:--}" "$started" "$ended" \
    "${its_host%%/*}" "$(cat "$1/about")"
}
