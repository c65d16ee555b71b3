#!/bin/sh
# Which job is meant, and how it is.
# shellcheck disable=SC2154 # jobs.sh sets how, status, why and its_host

# Sets `job`, the folder of the job $2, or without one of the newest of the workspace $3; $1 is our own folder.
pick_job() {
  job=$1/jobs/$2
  if [ -z "$2" ]; then
    job=
    # Ids begin with the time, and hold neither blanks nor wildcards.
    # shellcheck disable=SC2012
    for id in $(ls "$1/jobs" 2>/dev/null | sort -r); do
      [ "$(cat "$1/jobs/$id/workspace" 2>/dev/null)" = "$3" ] || continue
      job=$1/jobs/$id
      break
    done
    [ -n "$job" ] || problem no-job
  fi
  [ -d "$job" ] || problem unknown "$2"
}

# Tells how the job $1 is: `job ID STATE STATUS STARTED ENDED HOST ABOUT`, `-` where there is nothing.
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
    "${its_host%%/*}" "$(cat "$1/about" 2>/dev/null)"
}
