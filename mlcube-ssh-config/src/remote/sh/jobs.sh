#!/bin/sh
# Functions about jobs: their leader, their state, and the job that holds a workspace. A job is named by its folder.

# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; the prelude sets private

# Sets variables for this machine, this boot and this pid namespace: a pid means something only within them. Most
# scripts meet no job and don't need them. The shell itself reads the files: where no process can be forked, a failed
# read must not look like another machine.
this_host='' this_space=
know_this_machine() {
  [ -z "$this_host" ] || return 0
  machine='' this_boot='' node=''
  read -r node 2>/dev/null </proc/sys/kernel/hostname || :
  read -r machine 2>/dev/null </etc/machine-id || :
  read -r this_boot 2>/dev/null </proc/sys/kernel/random/boot_id || :
  [ -n "$this_space" ] || this_space=$(readlink /proc/self/ns/pid) || this_space=
  if [ -z "$node" ] || [ -z "$this_boot" ] || [ -z "$this_space" ]; then problem no-look /proc; fi
  case $node in *[!A-Za-z0-9._-]*) node=$(printf %s "$node" | tr -c 'A-Za-z0-9._-' _) ;; esac
  this_host=$node/$machine
}

# Sets `ticks` to the start time of the process $1, in ticks since the boot; empty for a process that is gone or a
# zombie.
start_of() {
  ticks='' stat=''
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  # The name in parentheses may contain blanks and parentheses.
  fields=${stat##*) }
  case $fields in [ZX]*) return 0 ;; esac
  left=19
  while [ "$left" -gt 0 ]; do
    fields=${fields#* }
    left=$((left - 1))
  done
  ticks=${fields%% *}
}

# Ends with a problem when the folder $1 can't be read. A file below a folder that can't be entered may exist without
# being visible.
check_readable() {
  near=$1
  while [ ! -e "$near" ] && [ ! -L "$near" ] && [ -n "${near%/*}" ]; do near=${near%/*}; done
  [ -d "$near" ] || return 0
  if [ ! -x "$near" ] || { [ "$near" = "$1" ] && [ ! -r "$near" ]; }; then problem closed "$near"; fi
}

# Makes this process the leader of the job $1.
lead() { name_leader "$1/leader.new" && mv -f "$1/leader.new" "$1/leader"; }

# Names this process in the file $1, as the leader of a job.
name_leader() {
  know_this_machine
  start_of $$
  printf '%s %s %s %s %s\n' "$$" "$ticks" "$this_host" "$this_boot" "$this_space" >"$1"
}

# Sets `how` to the state of the job $1, and `status` if it ended; and `why`, which for a lost job is `remains`, and for
# an ended one `left`, while something of it still runs. A job whose files can't be read isn't lost: it is `unknown`,
# and `unread` is the file; or its batch system doesn't reply, then `doubt` is `silent`, and `unread` says why. An empty
# file counts as missing: the power was cut just after it was made. A pending job that ran before is `requeued`.
job_state() {
  status='' why='' how=lost doubt='' requeued=''
  if [ -s "$1/status" ]; then
    read -r status 2>/dev/null <"$1/status" || [ -n "$status" ] || {
      how=unknown unread=$1/status
      return 0
    }
    how=finished
    [ ! -f "$1/stopped" ] || how=killed
    # What a stop couldn't end.
    [ ! -f "$1/left" ] || why=left
    # What the batch system ended, and not the task.
    ended_in=
    [ -f "$1/stopped" ] || read -r ended_in _ 2>/dev/null <"$1/ended-in" || :
    case $ended_in in '' | -) ;; *) how=killed why=$ended_in ;; esac
    return 0
  fi
  if is_batch_job "$1"; then
    "state_in_$batch" "$1"
    return 0
  fi
  if [ ! -s "$1/leader" ]; then
    if has_remains "$1"; then why=remains; fi
    return 0
  fi
  pid=
  read -r pid start its_host its_boot its_space 2>/dev/null <"$1/leader" || :
  if [ -z "$pid" ]; then
    how=unknown unread=$1/leader
    return 0
  fi
  know_this_machine
  if [ "$its_host" != "$this_host" ]; then
    how=elsewhere
    # A stop with --force has released its workspace without being able to inspect the job.
    [ ! -f "$1/released" ] || why=released
  elif [ "$its_boot" != "$this_boot" ]; then
    why=rebooted
  elif [ "$its_space" != "$this_space" ]; then
    # Its pid means nothing in this namespace. But a leader that could lock `alive` wrote into it, and holds the lock to
    # its end.
    how=elsewhere
    [ ! -f "$1/released" ] || why=released
    if [ -s "$1/alive" ] && lock_is_free "$1/alive"; then how=lost why=namespace; fi
  else
    start_of "$pid"
    if [ "$ticks" = "$start" ]; then
      how=running
    elif [ -s "$1/status" ]; then
      job_state "$1" # it ended between the two looks
    elif has_remains "$1"; then
      why=remains
    fi
  fi
}

# Checks whether the job $1 was, or was to be, submitted to a batch system: then `batch` is its name, which ends those
# of its functions, and `submitted_at` the time, which may be unknown. Such a job is pending, too, and its processes are
# looked for nowhere.
is_batch_job() {
  batch='' submitted_at=''
  { read -r batch && { read -r submitted_at || :; }; } 2>/dev/null <"$1/submitted" || return 1
  case $submitted_at in *[!0-9]*) submitted_at= ;; esac
  # In a folder that a group shares, each member can write it.
  case $batch in '' | *[!a-z]*) problem no-look "$1/submitted" ;; esac
}

# Checks whether the job $1 has started: one of a batch system starts on its node.
has_started() { ! is_batch_job "$1" || [ -f "$1/node" ]; }

# Sets `told_state` to what a reply says of job_state's result: STATE or STATE:WHY in one word, with a tab for a blank.
name_state() {
  told_state=$how
  [ -z "$requeued" ] || told_state=requeued
  told_state=$(printf '%s' "$told_state${why:+:$why}" | tr ' ' '\t')
}

# Looks once for the state in which the batch system has ended the job $1, which has a status; the file `ended-in` keeps
# it, or `-` if the job ended by itself. Fails while the job is still ending, and if the batch system doesn't reply.
learn_end() {
  [ -f "$1/ended-in" ] || { is_batch_job "$1" && "learn_end_in_$batch" "$1"; }
}

# Ends with a problem if job_state couldn't find out the state.
need_state() {
  case $how$doubt in
    unknownsilent) problem no-state "$unread" ;;
    unknown) problem no-look "$unread" ;;
  esac
}

# Prints the pids of the processes with the mark of the job $1 in their environment, wherever they have moved, except
# $2. The process that rootless podman keeps for its namespace inherits the mark of the first caller of podman, and
# belongs to no job.
marked() {
  grep -ls "MLCUBE_SSH_JOB=${1##*/}" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do
    [ "$pid" != "$2" ] || continue
    # podman gives that process a name, but it keeps the command line of its caller.
    name=
    read -r name 2>/dev/null <"/proc/$pid/comm" || :
    [ "$name" != 'podman pause' ] || continue
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
      catatonit\ -P* | */catatonit\ -P*) ;;
      *) printf '%s\n' "$pid" ;;
    esac
  done
}

# Sets `found` to the pids of the processes of the job $1: those with its mark, except $2, and those in its containers.
# Where no process can be started the search finds nothing, which proves nothing: only a search that got to its end
# counts. In the middle of execve(2) a process shows no environment, so what finds nothing is done twice.
look_for_processes() {
  for _ in 1 2; do
    found=$(marked "$1" "$2" && container_processes "$1" && echo whole)
    case $found in
      whole) found= ;;
      *[0-9]*whole)
        found=${found%whole}
        return 0
        ;;
      *) problem no-look "the processes of job ${1##*/}" ;;
    esac
  done
}

# Checks whether something of the job $1 runs on this machine: processes with its mark, or in its containers. The
# processes of a container may be hidden from this account (hidepid, proc(5)): its engine is asked, too, unless it
# didn't reply before.
silent_engines=' '
has_remains() {
  look_for_processes "$1" ''
  [ -z "$found" ] || return 0
  [ -n "$(made_containers "$1")" ] && read -r its_engine 2>/dev/null <"$1/engine" || return 1
  case $silent_engines in *" $its_engine "*) return 1 ;; esac
  if runs_there=$(present_containers "$1" --filter status=running); then
    [ -n "$runs_there" ]
  else
    silent_engines="$silent_engines$its_engine "
    return 1
  fi
}

# Checks whether any workspace is locked in the state folder $1: if not, their names needn't be known.
has_locks() {
  for held in "$1"/locks/*; do
    [ ! -L "$held" ] || return 0
  done
  return 1
}

# Sets `its_lock` to the lock of the workspace $1, in the state folder $2.
find_lock() {
  sum=$(printf '%s' "$1" | cksum) || sum=
  # Without the sum every workspace would have the same lock.
  [ -n "$sum" ] || problem no-look "$2/locks"
  its_lock=$2/locks/${sum%% *}-${sum##* }
}

# Checks whether a job other than $2 holds the lock $1; then `holder` is its folder, and `how` and `why` are its state.
# A job doesn't count only if it is known to be dead on this machine, with everything that it started.
is_held() {
  [ -L "$1" ] || return 1
  held_by=$(readlink "$1")
  if [ -z "$held_by" ]; then
    [ -L "$1" ] || return 1 # it was given up between the two looks
    problem no-look "$1"
  fi
  holder=${1%/locks/*}/jobs/${held_by%%@*} how=elsewhere why='' requeued=
  [ "${held_by%%@*}" != "$2" ] || return 1
  know_this_machine
  if [ -d "$holder" ]; then
    job_state "$holder"
    need_state
  elif [ "${held_by#*@}" = "$this_host" ]; then
    how=lost
  fi
  case $how:$why in
    running: | pending:* | elsewhere: | lost:namespace | lost:remains) return 0 ;;
    # The stop that ends it may still be running. What it left may have ended since, except containers about which their
    # engine didn't reply.
    killed:* | *:left)
      if has_remains "$holder" || grep -qs containers "$holder/left"; then
        why=left
        return 0
      fi
      ;;
  esac
  # What a batch system reports is valid on every node.
  ! is_batch_job "$holder" || return 1
  [ "${held_by#*@}" != "$this_host" ]
}

# Removes the folder of the job $1 and the folders made for it elsewhere. In a folder that a group shares, each member
# can write the names of these: nothing is removed except this account's own folder with a name that mlcube-ssh makes.
remove_job() {
  for made_for in shims view; do
    elsewhere=
    read -r elsewhere 2>/dev/null <"$1/$made_for" || continue
    name=${elsewhere##*/}
    case ${name#mlcube-ssh.} in
      "$name" | '' | *[!A-Za-z0-9]*) ;;
      *) if [ -O "$elsewhere" ] && [ ! -L "$elsewhere" ]; then rm -rf "$elsewhere"; fi ;;
    esac
  done
  rm -rf "$1"
}

# Reports the job that holds the workspace, and ends the script.
refuse_locked() {
  read -r started 2>/dev/null <"$holder/started" || started=0
  if [ "$how" = pending ] && is_batch_job "$holder"; then started=${submitted_at:-$started}; fi
  name_state
  problem locked "${holder##*/} $told_state $started ${held_by#*@} $(cat "$holder/about" 2>/dev/null)"
}

# Checks whether the job $1 holds a lock: a stop gives it up when nothing of the job is left.
holds_a_lock() {
  for held in "${1%/jobs/*}"/locks/*; do
    case $(readlink "$held") in "${1##*/}@"*) return 0 ;; esac
  done
  return 1
}

# Renames the workspace that an earlier version kept as $2 to $1 (empty $2: the name was the same); $3 is the state
# folder. Returns 1, with what is_held sets, while a job runs in it: its paths lead to the old name.
take_former_workspace() {
  if [ -z "$2" ] || [ -e "$1" ]; then return 0; fi
  locate "$2"
  [ -d "$path" ] || return 0
  if has_locks "$3" && find_lock "$path" "$3" && is_held "$its_lock" ''; then return 1; fi
  words=$(mv "$path" "$1" 2>&1) || problem not-writable "${1%/*}: $words"
}

# Locks the file that descriptor $1 has open, within ten seconds, and returns 0; 1 when another process holds it for
# longer, or the file system hangs; 2 when it has no locks (some NFS and Lustre mounts: ENOLCK, ENOSYS).
lock_file() {
  # In a process of its own, because flock(2) may hang: the lock belongs to the open file, which this shell shares with
  # it.
  timeout -s KILL 10 flock "$1" 2>/dev/null
  case $? in
    0) return 0 ;;
    124 | 137) return 1 ;;
    *) return 2 ;;
  esac
}

# Checks that nobody holds the lock of the file $1; fails when that can't be found out.
lock_is_free() { (timeout -s KILL 5 flock -n 8) 2>/dev/null 8<"$1"; }

# Makes this the only process that reads and changes the locks in $1, until unguard_locks or the end of the script:
# flock(2) ends with the process. Where there is no flock, a link that names its holder is used instead.
guard_locks() {
  # If `clean` has removed the folder meanwhile, nobody else would wait for the locked file.
  while
    try_guard "$1"
    guarded=$?
    [ "$guarded" = 3 ]
  do :; done
  [ "$guarded" != 2 ] || problem locks-hang "$1"
  return "$guarded"
}

# As guard_locks, but tries once: returns 1 when $1 can't be written, with the cause in `words`, 2 when another process
# holds the lock for too long or locking hangs, 3 when the folder was removed while this process waited.
try_guard() {
  guard=
  # With `command`, a failed redirection doesn't end the shell.
  { [ -f "$1/guard" ] && command exec 9>>"$1/guard"; } 2>/dev/null || {
    words=$( (umask "$private" && { [ -d "$1" ] || mkdir -p "$1"; } && : >>"$1/guard") 2>&1) || {
      words=$(printf '%s\n' "$words" | tail -n 1)
      return 1
    }
    { command exec 9>>"$1/guard"; } 2>/dev/null || return 3
  }
  lock_file 9
  # `-ef` works in dash, bash and busybox.
  # shellcheck disable=SC3013
  case $? in
    0) [ "$1/guard" -ef /proc/self/fd/9 ] || return 3 ;;
    1) return 2 ;;
    *) guard_with_link "$1/guard.link" ;;
  esac
}

# Waits for the link $1, for ten seconds; removes a link whose holder is known to be dead on this machine. Returns what
# try_guard does.
guard_with_link() {
  know_this_machine
  start_of $$
  own="$$ $ticks $this_host $this_boot $this_space" tenths=100
  until ln -s "$own" "$1" 2>/dev/null; do
    [ -d "${1%/*}" ] || return 3
    [ "$tenths" -gt 0 ] || return 2
    tenths=$((tenths - 1))
    link=$(readlink "$1") || link=
    if [ -n "$link" ] && is_dead_holder "$link"; then
      # One process at a time removes it, after another look: the next holder's link has the same name.
      if mkdir "$1.break" 2>/dev/null; then
        if [ "$(readlink "$1")" = "$link" ]; then rm -f "$1"; fi
        rmdir "$1.break"
      else
        # That process may have been killed.
        since=$(stat -c %Y "$1.break" 2>/dev/null) && [ "$(date '+%s')" -gt "$((since + 60))" ] &&
          rmdir "$1.break" 2>/dev/null
        sleep 0.1
      fi
    else
      sleep 0.1
    fi
  done
  guard=$1
  unguard_at_end
}

# Calls unguard_locks when the script ends, by a problem or by a signal too: on another machine nobody can tell that the
# holder of a link is dead.
unguard_at_end() {
  trap unguard_locks EXIT
  trap 'exit 143' HUP INT TERM PIPE
}

# Checks that `PID TICKS HOST BOOT NAMESPACE` names a process of this machine that is gone.
is_dead_holder() {
  case $1 in
    *" $this_host $this_boot $this_space")
      start_of "${1%% *}"
      case $1 in "${1%% *} $ticks "*) return 1 ;; esac
      ;;
    *" $this_host $this_boot "*) return 1 ;;
    *" $this_host "*) ;;
    *) return 1 ;;
  esac
}

# Lets others read and change the locks again, and removes `removing`, by which `clean` tells that it is at work.
removing=
unguard_locks() {
  [ -z "$removing" ] || rm -f "$removing"
  [ -z "$guard" ] || rm -f "$guard"
  exec 9>&-
  trap - EXIT HUP INT TERM PIPE
  removing='' guard=
}

# Takes the lock $1 for the job $2, with the locks guarded. The link is made with its holder's name in one operation, on
# a shared file system too, so that a crash leaves no lock without a holder.
take_lock() {
  if is_held "$1" "$2"; then refuse_locked; fi
  [ ! -L "$1" ] || rm -f "$1"
  know_this_machine
  words=$(ln -s "$2@$this_host" "$1" 2>&1) || problem not-writable "$1: $(printf '%s\n' "$words" | tail -n 1)"
}

# Releases the lock $1, if the job $2 holds it.
give_lock_up() {
  guard_locks "${1%/*}" || return 0
  case $(readlink "$1") in "$2@"*) rm -f "$1" ;; esac
  unguard_locks
}
