#!/bin/sh
# Ends a job: its containers, then every process that bears its mark; TERM first, KILL after a while. What it says is
# looked at: a job of which something runs isn't ended.
# $1 our own folder, $2 the job's id (empty: the newest of the workspace), $3 the workspace, $4 seconds of grace,
# $5 `force` gives the workspace up whatever is left of the job, and that of a job that can't be reached from here.
# Answers: `left …`, what could not be ended, none when all is gone; then how the job is (tell_job).
# shellcheck disable=SC2154 # pick_job sets job; jobs.sh sets how, why and its_host

grace=$4 force=$5
pick_job "$(absolute "$1")" "$2" "$(absolute "$3")"
id=${job##*/}
its_workspace=
read -r its_workspace <"$job/workspace" || problem no-look "$job/workspace"
find_lock "$its_workspace" "${job%/jobs/*}"
lock=$its_lock

# The pid of one that isn't running here may be another's; the leader is left to write the status.
job_state "$job"
need_state
before=$how leader=
if [ "$how" = running ]; then read -r leader _ <"$job/leader"; fi

running() { marked "$job" "$leader" && container_processes "$job"; }

case $how in
  finished | killed)
    # What an earlier stop left is looked for once more, by its engine, too.
    look_for_processes "$job" ''
    if [ -z "$why$found" ]; then
      tell_job "$job"
      exit
    fi
    ;;
  elsewhere) [ "$force" = force ] || problem elsewhere "$id ${its_host%%/*}" ;;
esac
# On a full disk the job is stopped nevertheless; a redirection of `:` that fails would end the shell (POSIX 2.8.1).
printf '' >"$job/stopped"

# Sends the signal $1 to what the function $2 finds.
signal() {
  for pid in $($2); do kill "-$1" "$pid" 2>/dev/null; done
}

marked_ones() { marked "$job" "$leader"; }
contained_ones() { container_processes "$job"; }

# Sets `now`, in hundredths of a second: each look costs time of its own, so that a count of looks says nothing.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
}

# Up to $1 seconds until the function $2 finds nothing.
wait_until_gone() {
  look_at_clock
  deadline=$((now + $1 * 100))
  while [ -n "$($2)" ]; do
    look_at_clock
    [ "$now" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# Ends what the function $2 finds; KILL comes $1 seconds after TERM.
end_by_signals() {
  signal TERM "$2"
  wait_until_gone "$1" "$2" || signal KILL "$2"
}

# By their engine, which has the grace and half a minute. One that has lost its own files, or hangs, ends nothing: then
# we do. Fails when the engine can't tell.
end_containers() {
  answered=yes
  ids=$(present_containers "$job") || answered=
  if [ -n "$ids" ] && read -r engine 2>/dev/null <"$job/engine"; then
    # shellcheck disable=SC2086 # a list of ids
    timeout -s KILL $((grace + 30)) "$engine" stop -t "$grace" $ids >/dev/null 2>&1
  fi
  [ -z "$(contained_ones)" ] || end_by_signals "$grace" contained_ones
  [ -n "$answered" ]
}

# Both have the same grace.
end_containers &
ending=$!
end_by_signals "$grace" marked_ones
told=yes
wait "$ending" || told=
[ -z "$told" ] || remove_containers_of "$job" || told=
signal KILL running
wait_until_gone 2 running || :

# Before anything is said of the job, in its status or here.
look_for_processes "$job" "$leader"

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
# An end of its own stays what it was.
[ "$before" != finished ] || rm -f "$job/stopped"

look_for_processes "$job" "$leader"
left=$(printf '%s' "$found" | tr -s ' ' '\n' | sort -u | tr '\n' ' ')
[ -z "$left" ] || left="processes $left"
# What docker runs may be on another machine: where it can't be asked, nothing is known of it.
if [ -z "$told" ]; then
  engine=
  read -r engine 2>/dev/null <"$job/engine" || :
  case ${engine##*/} in
    podman) ;;
    *) left="${left}containers of which $engine tells nothing: $(made_containers "$job" | tr '\n' ' ')" ;;
  esac
fi
if [ -n "$left" ]; then
  printf '%s\n' "$left" >"$job/left"
  printf 'left %s\n' "$left"
else
  rm -f "$job/left"
fi
if [ -z "$left" ] || [ "$force" = force ]; then give_lock_up "$lock" "$id"; fi
tell_job "$job"
