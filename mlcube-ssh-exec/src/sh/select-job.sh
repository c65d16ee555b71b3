#!/bin/sh
# Selects a job, and prints its state.
# shellcheck disable=SC2154 # jobs.sh sets how, status, why and its_host

# Sets `job` to the folder of the job $2, or, if $2 is empty, of the newest job of the workspace $3; $1 is our own folder. A
# folder that can't be read must not count as empty.
pick_job() {
  check_own "$1" "$1/jobs"
  if [ -n "$2" ]; then
    job=$1/jobs/$2
    [ -d "$job" ] || problem unknown "$2"
    return 0
  fi
  job=
  check_readable "$1/jobs"
  # Ids begin with the time, and a pattern is expanded in order: the last one is the newest.
  for each in "$1"/jobs/*; do
    [ -d "$each" ] || continue
    its_workspace=
    read -r its_workspace 2>/dev/null <"$each/workspace" || :
    [ "$its_workspace" != "$3" ] || job=$each
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
