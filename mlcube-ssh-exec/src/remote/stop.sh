#!/bin/sh
# Ends a job: its containers, then every process that bears its mark; TERM first, KILL after a while.
# $1 our own folder, $2 the job's id (empty: the newest of the workspace), $3 the workspace, $4 seconds of grace,
# $5 `force` ends the hold of a job that can't be reached from here.
# Answers: `left …`, the processes that could not be ended, none when all are gone; then how the job is (tell_job).
# shellcheck disable=SC2154 # pick_job sets job; jobs.sh sets how, why and its_host

grace=$4 force=$5
pick_job "$(absolute "$1")" "$2" "$(absolute "$3")"
id=${job##*/}
lock=$(lock_of "$(cat "$job/workspace")" "${job%/jobs/*}")

job_state "$job"
case $how in
  finished | killed)
    tell_job "$job"
    exit
    ;;
  elsewhere) [ "$force" = force ] || problem elsewhere "$id ${its_host%%/*}" ;;
esac
before=$how
: >"$job/stopped"

# The pid of one that isn't running here may be another's.
leader=
if [ "$how" = running ]; then read -r leader _ <"$job/leader"; fi

# Processes with the job's mark in their environment, wherever they have gone; the leader is left to write the status.
marked() {
  grep -ls "MLCUBE_SSH_JOB=$id" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do
    [ "$pid" = "$leader" ] || printf '%s\n' "$pid"
  done
}

containers() {
  [ -f "$job/engine" ] || return 0
  "$(cat "$job/engine")" ps -aq --filter "label=mlcube-ssh.job=$id" 2>/dev/null
}

signal() {
  for pid in $(marked); do kill "-$1" "$pid" 2>/dev/null; done
}

# Up to $1 seconds until nothing but the leader is left.
wait_until_gone() {
  tenths=$(($1 * 10))
  while [ "$tenths" -gt 0 ]; do
    [ -n "$(marked)" ] || return 0
    sleep 0.1
    tenths=$((tenths - 1))
  done
  return 1
}

stop_containers() {
  ids=$(containers)
  # shellcheck disable=SC2086 # a list of ids
  [ -z "$ids" ] || "$(cat "$job/engine")" stop -t "$grace" $ids >/dev/null 2>&1
}

stop_containers &
signal TERM
wait_until_gone "$grace" || signal KILL
wait $!
ids=$(containers)
# shellcheck disable=SC2086 # a list of ids
[ -z "$ids" ] || "$(cat "$job/engine")" rm -f $ids >/dev/null 2>&1
signal KILL
wait_until_gone 2 || :

# The leader writes the status now; one that is stuck or gone can't.
tenths=30
while [ ! -f "$job/status" ] && [ "$tenths" -gt 0 ] && [ -n "$leader" ] && kill -0 "$leader" 2>/dev/null; do
  sleep 0.1
  tenths=$((tenths - 1))
done
if [ ! -f "$job/status" ]; then
  [ "$before" != running ] || kill -KILL "$leader" 2>/dev/null
  # One that was lost ended by itself.
  if [ "$before" = lost ]; then
    rm -f "$job/stopped"
  else
    printf '143\n' 1<>"$job/status.new" && mv -f "$job/status.new" "$job/status"
  fi
fi
give_lock_up "$lock" "$id"
left=$(marked | tr '\n' ' ')
[ -z "$left" ] || printf 'left %s\n' "$left"
tell_job "$job"
