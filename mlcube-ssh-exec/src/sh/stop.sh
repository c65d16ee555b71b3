#!/bin/sh
# Stops a job: its containers, then every process with its mark; TERM first, KILL after the grace. Looks for the
# result: a job that still has a process hasn't been stopped.
# Given: state (the state folder); id, the job's, or nothing for the newest of the workspace; workspace; grace, seconds;
# force, `yes` to release the workspace whatever is left of the job, also of one that can't be reached from this node: that
# one isn't ended.
# Replies: `left …`, what couldn't be ended, only if there is something; then the job's state (tell_job); or problem.
# shellcheck disable=SC2154 # select-job.sh sets job; jobs.sh sets how, why and its_host; the client what is given

pick_job
id=${job##*/}
its_workspace=
read -r its_workspace <"$job/workspace" || problem no-look "$job/workspace"
find_lock "$its_workspace" "${job%/jobs/*}"
lock=$its_lock

# The pid is used only if the job runs on this machine: elsewhere it may belong to another process. The leader isn't killed,
# so that it can write the status.
job_state "$job"
need_state
before=$how leader=
if [ "$how" = running ]; then read -r leader _ <"$job/leader"; fi

running() { marked "$job" "$leader" && container_processes "$job"; }

case $how in
  finished | killed)
    # What an earlier stop left is looked for once more, also through its engine.
    look_for_processes "$job" ''
    if [ -z "$why$found" ]; then
      tell_job "$job"
      exit
    fi
    ;;
  elsewhere)
    [ "$force" = yes ] || problem elsewhere "$id ${its_host%%/*}"
    # Nothing of it can be seen or ended from here, so its end isn't known: only its workspace is given up.
    printf '' >"$job/released" || problem not-writable "$job"
    give_lock_up "$lock" "$id"
    tell_job "$job"
    exit
    ;;
esac
# On a full disk the write fails and the job is stopped nevertheless. Not `:` with a redirection: if that fails, the shell
# ends (POSIX 2.8.1).
printf '' >"$job/stopped"

# Sends the signal $1 to the processes that the function $2 finds.
signal() {
  for pid in $($2); do kill "-$1" "$pid" 2>/dev/null; done
}

marked_ones() { marked "$job" "$leader"; }
contained_ones() { container_processes "$job"; }

# Sets `now`, in hundredths of a second. Counting the checks would be wrong: each check takes time of its own.
look_at_clock() {
  read -r now _ </proc/uptime
  now=${now%.*}${now#*.}
}

# Waits up to $1 seconds until the function $2 finds nothing.
wait_until_gone() {
  look_at_clock
  deadline=$((now + $1 * 100))
  while [ -n "$($2)" ]; do
    look_at_clock
    [ "$now" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

# Checks whether the leader still waits for mlcube.
is_awaited() { [ "$before" = running ] && [ ! -f "$job/status" ] && kill -0 "$leader" 2>/dev/null; }

# Ends the processes that the function $2 finds: TERM, and KILL $1 seconds later; with 0 seconds KILL alone. In the
# middle of execve(2) a process shows no environment, and can't be found: each process gets its signal when it is found
# for the first time, and for one second nothing counts as gone while the leader waits for it.
end_by_signals() {
  look_at_clock
  deadline=$((now + $1 * 100)) certain=$((now + 100)) told_to_end=' ' first=TERM
  [ "$1" -gt 0 ] || first=KILL
  while :; do
    seen=$($2)
    if [ -z "$seen" ] && { [ "$now" -ge "$certain" ] || ! is_awaited; }; then return 0; fi
    for pid in $seen; do
      case $told_to_end in *" $pid "*) continue ;; esac
      told_to_end="$told_to_end$pid "
      kill "-$first" "$pid" 2>/dev/null
    done
    look_at_clock
    if [ "$now" -ge "$deadline" ]; then
      signal KILL "$2"
      return 0
    fi
    sleep 0.1
  done
}

# Stops the containers through their engine, which gets the grace and 30 seconds more. An engine that has lost its own
# files, or hangs, stops nothing: then signals do. Fails if the engine doesn't reply.
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

# In parallel, so that containers and processes share one grace.
end_containers &
ending=$!
end_by_signals "$grace" marked_ones
told=yes
wait "$ending" || told=
[ -z "$told" ] || remove_containers_of "$job" || told=
signal KILL running
wait_until_gone 2 running || :

# The result must be known before the status is written or the reply sent.
look_for_processes "$job" "$leader"

# The leader writes the status now; a leader that is stuck or gone can't.
tenths=30
while [ ! -f "$job/status" ] && [ "$tenths" -gt 0 ] && [ -n "$leader" ] && kill -0 "$leader" 2>/dev/null; do
  sleep 0.1
  tenths=$((tenths - 1))
done
if [ ! -f "$job/status" ]; then
  [ "$before" != running ] || kill -KILL "$leader" 2>/dev/null
  # A lost job ended by itself.
  if [ "$before" = lost ]; then
    rm -f "$job/stopped"
  else
    printf '143\n' 1<>"$job/status.new" && mv -f "$job/status.new" "$job/status"
  fi
fi
# A job that had ended by itself isn't marked as stopped.
[ "$before" != finished ] || rm -f "$job/stopped"

look_for_processes "$job" "$leader"
left=$(printf '%s' "$found" | tr -s ' ' '\n' | sort -u | tr '\n' ' ')
[ -z "$left" ] || left="processes $left"
# docker's containers may run on another machine: if docker doesn't reply, their state is unknown.
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
if [ -z "$left" ] || [ "$force" = yes ]; then give_lock_up "$lock" "$id"; fi
tell_job "$job"
