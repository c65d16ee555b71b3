#!/bin/sh
# Ends the processes and containers of a job on this machine.
# shellcheck disable=SC2154 # the scripts set job, leader, the pid of the process that writes the job's status, before, its
# state before, and grace

# Sends the signal $1 to the processes that the function $2 finds.
signal() {
  for pid in $($2); do kill "-$1" "$pid" 2>/dev/null; done
}

marked_ones() { marked "$job" "$leader"; }
contained_ones() { container_processes "$job"; }
running() { marked_ones && contained_ones; }

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

# Ends containers and processes in parallel, so that they share one grace. Sets `told` to nothing if the engine doesn't
# reply.
end_processes() {
  end_containers &
  ending=$!
  end_by_signals "$grace" marked_ones
  told=yes
  wait "$ending" || told=
  [ -z "$told" ] || remove_containers_of "$job" || told=
  signal KILL running
  wait_until_gone 2 running || :
}
