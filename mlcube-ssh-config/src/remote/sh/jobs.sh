#!/bin/sh
# What is known of jobs: who leads one, how it is, which one holds a workspace. A job is named by its folder.

# shellcheck disable=SC2034,SC2154 # the scripts read what is set here; the prelude sets private

# Sets what this machine, this boot and this pid namespace are: only within them does a pid say anything. Most scripts
# meet no job and needn't know. Read by the shell itself: where no process can be forked, a look that failed must not
# pass for another machine.
this_host=
know_this_machine() {
  [ -z "$this_host" ] || return 0
  machine='' this_boot='' node=''
  read -r node 2>/dev/null </proc/sys/kernel/hostname || :
  read -r machine 2>/dev/null </etc/machine-id || :
  read -r this_boot 2>/dev/null </proc/sys/kernel/random/boot_id || :
  this_space=$(readlink /proc/self/ns/pid) || this_space=
  if [ -z "$node" ] || [ -z "$this_boot" ] || [ -z "$this_space" ]; then problem no-look /proc; fi
  case $node in *[!A-Za-z0-9._-]*) node=$(printf %s "$node" | tr -c 'A-Za-z0-9._-' _) ;; esac
  this_host=$node/$machine
}

# Sets `ticks` to when the process $1 started, in ticks since the boot; empty for one that is gone, or dead and not yet
# buried.
start_of() {
  ticks='' stat=''
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  # The name in parentheses may hold blanks and parentheses.
  fields=${stat##*) }
  case $fields in [ZX]*) return 0 ;; esac
  left=19
  while [ "$left" -gt 0 ]; do
    fields=${fields#* }
    left=$((left - 1))
  done
  ticks=${fields%% *}
}

# Ends with a problem when the folder $1 can't be looked into. One in a folder that can't be entered isn't absent: it can't be
# seen.
check_readable() {
  near=$1
  while [ ! -e "$near" ] && [ ! -L "$near" ] && [ -n "${near%/*}" ]; do near=${near%/*}; done
  [ -d "$near" ] || return 0
  if [ ! -x "$near" ] || { [ "$near" = "$1" ] && [ ! -r "$near" ]; }; then problem no-look "$near"; fi
}

# Makes this process the leader of the job $1.
lead() {
  know_this_machine
  start_of $$
  printf '%s %s %s %s %s\n' "$$" "$ticks" "$this_host" "$this_boot" "$this_space" >"$1/leader.new" &&
    mv -f "$1/leader.new" "$1/leader"
}

# Sets how the job $1 is, for a job that ended its `status`; and `why`, which of a lost one or of one that was ended is
# `remains` or `left` while something of it runs. A job whose files can't be read is not a lost one: it is `unknown`, and
# `unread` is the file. One that is empty was made just before the power was cut, and is as good as none.
job_state() {
  status='' why='' how=lost
  if [ -s "$1/status" ]; then
    read -r status 2>/dev/null <"$1/status" || [ -n "$status" ] || {
      how=unknown unread=$1/status
      return 0
    }
    how=finished
    [ ! -f "$1/stopped" ] || how=killed
    # What a stop could not end.
    [ ! -f "$1/left" ] || why=left
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
  elif [ "$its_boot" != "$this_boot" ]; then
    why=rebooted
  elif [ "$its_space" != "$this_space" ]; then
    # Its pid says nothing here, but a leader that could lock `alive` and wrote so into it holds that to its end.
    how=elsewhere
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

# Ends with a problem where job_state couldn't look.
need_state() { if [ "$how" = unknown ]; then problem no-look "$unread"; fi; }

# Prints the pids of what bears the mark of the job $1 in its environment, wherever it has gone, but for $2. The process
# that rootless podman keeps for its namespace inherits the mark of whoever called podman first, and belongs to no job.
marked() {
  grep -ls "MLCUBE_SSH_JOB=${1##*/}" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ pid _; do
    [ "$pid" != "$2" ] || continue
    # podman gives it a name, and leaves it the words of whoever called podman.
    name=
    read -r name 2>/dev/null <"/proc/$pid/comm" || :
    [ "$name" != 'podman pause' ] || continue
    case $(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") in
      catatonit\ -P* | */catatonit\ -P*) ;;
      *) printf '%s\n' "$pid" ;;
    esac
  done
}

# Sets `found` to the pids of what runs of the job $1: what bears its mark, but for $2, and what runs in its containers.
# Where no process can be started nothing is found, which is no answer: only a look that got to its end is one.
look_for_processes() {
  found=$(marked "$1" "$2" && container_processes "$1" && echo whole)
  case $found in
    whole) found= ;;
    *[0-9]*whole) found=${found%whole} ;;
    *) problem no-look "the processes of job ${1##*/}" ;;
  esac
}

# Whether something of the job $1 runs on this machine: what bears its mark, or what is in its containers. The processes of
# a container may be hidden from this account (hidepid, proc(5)): its engine is asked, too, unless it was silent before.
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

# Whether any workspace is locked in our own folder $1: where none is, none of their names need be known.
has_locks() {
  for held in "$1"/locks/*; do
    [ ! -L "$held" ] || return 0
  done
  return 1
}

# Sets `its_lock` to the lock of the workspace $1, in our own folder $2.
find_lock() {
  sum=$(printf '%s' "$1" | cksum) || sum=
  # Without its sum every workspace would have the same lock.
  [ -n "$sum" ] || problem no-look "$2/locks"
  its_lock=$2/locks/${sum%% *}-${sum##* }
}

# Whether the lock $1 is held by a job other than $2; then `holder` is its folder, `how` and `why` tell how it is. Only what
# is known to be dead on this machine, with all that it started, doesn't count.
is_held() {
  [ -L "$1" ] || return 1
  held_by=$(readlink "$1")
  if [ -z "$held_by" ]; then
    [ -L "$1" ] || return 1 # it was given up between the two looks
    problem no-look "$1"
  fi
  holder=${1%/locks/*}/jobs/${held_by%%@*} how=elsewhere why=
  [ "${held_by%%@*}" != "$2" ] || return 1
  know_this_machine
  if [ -d "$holder" ]; then
    job_state "$holder"
    need_state
  elif [ "${held_by#*@}" = "$this_host" ]; then
    how=lost
  fi
  case $how$why in
    running | elsewhere | lostnamespace | lostremains) return 0 ;;
    # The stop that ends it may be at work. What it left may have ended since, but for containers of which their engine
    # told nothing.
    killed* | *left) if has_remains "$holder" || grep -qs containers "$holder/left"; then return 0; fi ;;
  esac
  [ "${held_by#*@}" != "$this_host" ]
}

# Removes the folder of the job $1 with what was made for it elsewhere. In a folder that a group shares each member may write
# the names of that: nothing else is removed by them than this account's own folder with a name of ours.
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

# Says which job is in the way, and ends the script.
refuse_locked() {
  [ -z "${guard-}" ] || unguard_locks
  read -r started 2>/dev/null <"$holder/started" || started=0
  problem locked "${holder##*/} $how${why:+:$why} $started ${held_by#*@} $(cat "$holder/about" 2>/dev/null)"
}

# Moves to the workspace $1 what an earlier version kept under the name $2 (nothing: it had the same); $3 is our own folder.
# Returns 1, with what is_held sets, while a job runs there: its own paths lead to the old name.
take_former_workspace() {
  if [ -z "$2" ] || [ -e "$1" ]; then return 0; fi
  locate "$2"
  [ -d "$path" ] || return 0
  if has_locks "$3" && find_lock "$path" "$3" && is_held "$its_lock" ''; then return 1; fi
  mv "$path" "$1" || problem not-writable "${1%/*}"
}

# Locks the file that descriptor $1 has open, within a time, and returns 0; 1 when another process holds it for so
# long, or the file system doesn't answer; 2 when it has no locks (some NFS and Lustre mounts: ENOLCK, ENOSYS).
lock_file() {
  # A process of its own, as flock(2) may hang: the lock belongs to the open file, which this shell shares with it.
  timeout -s KILL 10 flock "$1" 2>/dev/null
  case $? in
    0) return 0 ;;
    124 | 137) return 1 ;;
    *) return 2 ;;
  esac
}

# Whether nobody holds the lock of the file $1; not when that can't be told.
lock_is_free() { (timeout -s KILL 5 flock -n 8) 2>/dev/null 8<"$1"; }

# One at a time looks at the locks in $1, and changes them; flock(2) ends with the process. Where there is no such lock
# a link that names its holder takes its place.
guard_locks() {
  # Where `clean` has removed the folder meanwhile, nobody else would wait for what was locked.
  while
    try_guard "$1"
    guarded=$?
    [ "$guarded" = 3 ]
  do :; done
  [ "$guarded" != 2 ] || problem locks-hang "$1"
  return "$guarded"
}

# The same, once: returns 1 when nothing can be written in $1, 2 when another process holds the lock for too long or nothing
# is known of it, 3 when the folder was removed while this process waited.
try_guard() {
  guard=
  (umask "$private" && { [ -d "$1" ] || mkdir -p "$1"; } && : >>"$1/guard") 2>/dev/null || return 1
  # As the word of `command` a redirection that fails ends no shell.
  { command exec 9>>"$1/guard"; } 2>/dev/null || return 3
  lock_file 9
  # dash, bash and busybox compare files so.
  # shellcheck disable=SC3013
  case $? in
    0) [ "$1/guard" -ef /proc/self/fd/9 ] || return 3 ;;
    1) return 2 ;;
    *) guard_with_link "$1/guard.link" ;;
  esac
}

# Waits for the link $1, for ten seconds; one whose holder is known to be dead on this machine is taken away. Returns what
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
      # Of several that see it only one moves it away. Should it be a newer one by now, it is put back.
      if mv "$1" "$1.$$" 2>/dev/null; then
        [ "$(readlink "$1.$$")" = "$link" ] || mv "$1.$$" "$1"
        rm -f "$1.$$"
      fi
    else
      sleep 0.1
    fi
  done
  guard=$1
}

# Whether `PID TICKS HOST BOOT NAMESPACE` names a process of this machine that is gone.
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

unguard_locks() {
  exec 9>&-
  [ -z "$guard" ] || rm -f "$guard"
  guard=
}

# Takes the lock $1 for the job $2, with the locks guarded. The link names its holder in the act that makes it, on a
# shared file system too, so that a crash leaves no lock of nobody.
take_lock() {
  if is_held "$1" "$2"; then refuse_locked; fi
  [ ! -L "$1" ] || rm -f "$1"
  know_this_machine
  ln -s "$2@$this_host" "$1" || problem not-writable "$1"
}

# Gives the lock $1 up, if the job $2 holds it.
give_lock_up() {
  guard_locks "${1%/*}" || return 0
  case $(readlink "$1") in "$2@"*) rm -f "$1" ;; esac
  unguard_locks
}
