#!/bin/sh
# Functions about the python environment that runs mlcube: its state, and what makes it. A script with them is given
# what make-environment.sh is given.
# shellcheck disable=SC2154 # the client sets what is given

# Makes the path of the named python absolute.
know_python() {
  case $named_python in
    \~/*)
      locate "$named_python"
      named_python=$path
      ;;
  esac
}

# The user's variables for python and pip could make it import other packages, or install ours elsewhere.
forget_variables() {
  unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_USER
  # A configuration file of pip may set the same.
  PIP_REQUIRE_VIRTUALENV=0
  export PIP_REQUIRE_VIRTUALENV
  if [ "$kind" = virtualenv ]; then
    PIP_USER=0
    export PIP_USER
  fi
}

# Starting mlcube takes half a second of processor time, checking the files from which it starts almost none. After a
# successful start `proof` holds: what it was started with, what it printed, and `INODE CTIME SIZE PATH` of each of
# these files.

# Sets `started_with` to what mlcube is started with, in one line. Arguments: the requirements. LD_LIBRARY_PATH is
# included because libraries come from it.
know_start() { started_with="$python ${LD_LIBRARY_PATH-} $*"; }

# Checks whether each of these files is unchanged since mlcube was seen to start; then sets `state` to what it printed.
is_proved() {
  know_start "$@"
  [ -O "$proof" ] && { IFS= read -r with && read -r said; } <"$proof" && [ "$with" = "$started_with" ] || return 1
  {
    printf '%s\n%s\n' "$with" "$said"
    # -L: what counts is the file that a link leads to.
    sed -n '3,$s/^[0-9]* [0-9]* [0-9]* //p' "$proof" | tr '\n' '\0' | xargs -0 stat -L -c '%i %Z %s %n'
  } 2>/dev/null | cmp -s - "$proof" || return 1
  state=$said
}

# Prints the state of the environment as python sees it, and writes the proof. Arguments: the python, then the
# requirements.
state_of() {
  its_python=$1
  shift
  know_start "$@"
  "$its_python" -E -c "$start_mlcube" "$proof" "$started_with" "$@"
}

# Checks whether the environment that we created still starts mlcube.
is_whole() {
  has_line "$whole" "$wanted" || return 1
  is_proved "$@" && return
  # Another version may have been installed since. What only pip can judge was met when the environment became whole.
  # This comes first: the proof that mlcube starts counts for the requirements, too.
  met "$@"
  [ $? -ne 1 ] && is_started "$@"
}

# Checks without pip whether every requirement is met already. Status 1: one isn't; 2: only pip can judge one of them.
met() { "$python" -E -c "$check_requirements" "$@"; }

# pip gives up soon if the index doesn't reply, and the user gets a message meanwhile. Options among the requirements
# come later and so override both times.
install() {
  {
    # `sleep` survives when pip has ended and this subshell is killed: it must keep neither the session nor the lock
    # open.
    sleep 10 >/dev/null 2>&1 3<&- 9>&-
    case " $* " in
      *' --no-index '*) say 'pip is still running' ;;
      *) say "pip is still running; it waits 15 s for each response of the package index, and retries once" ;;
    esac
  } &
  talker=$!
  # Every line of pip goes to standard error, where its failure is looked for, and to the client, which shows the last one.
  exec 4>&1
  installed=$(
    {
      "$python" -E -m pip install --disable-pip-version-check --no-input --timeout 15 --retries 1 "$@" 2>&1 4>&-
      printf '\nended %s\n' "$?"
    } | while IFS= read -r line; do
      case $line in
        '') ;;
        'ended '*) printf '%s\n' "$line" ;;
        *)
          printf '%s\n' "$line" >&2
          # A linker's command may be longer than a line of a reply may be.
          printf 'does pip: %.200s\n' "${line#"${line%%[! ]*}"}" >&4
          ;;
      esac
    done
  )
  exec 4>&-
  installed=${installed##*ended }
  kill "$talker" 2>/dev/null
  [ "$installed" = 0 ] || problem "pip $("$python" -E -c 'import sys; print("%d.%d" % sys.version_info[:2])') $(older_python)"
}

# A requested version of pip is installed first, because it installs the rest.
install_all() {
  for word; do
    case $word in pip | pip[\<\>=!~]*) install "$word" ;; esac
  done
  install "$@"
}

# Ends the script unless mlcube starts. Arguments: the requirements. `state` may be set already.
check_state() {
  case ${state-} in
    mlcube\ *) ;;
    *) is_proved "$@" || state=$(state_of "$python" "$@") || problem broken "$python" ;;
  esac
  case $state in
    mlcube\ *) ;;
    too-new\ *) problem "$state $(older_python)" ;;
    *) problem "$state" ;;
  esac
}

# $1 whether anything was changed, then the requirements.
finish() {
  changed=$1
  shift
  check_state "$@"
  let_client_go
  version=${state#mlcube } gpus=
  case $version in *' '*) gpus=${version##* } version=${version% *} ;; esac
  printf 'changed %s\npython %s\nmlcube %s\n' "$changed" "$python" "$version"
  if [ -n "$gpus" ]; then printf 'gpus %s\n' "$gpus"; fi
}

# Prints the path of a python on this host with which mlcube starts.
older_python() {
  for minor in 12 11 10 9 8; do
    if command -v "python3.$minor"; then return 0; fi
  done
}

# A link of this name may lead to a place that the account can't reach: another user's environment.
no_python() {
  if [ -L "$named_python" ]; then problem no-python-behind "$(readlink -f "$named_python" || readlink "$named_python")"; fi
  problem no-python "$named_python"
}

system_python() {
  python=$(command -v "$named_python") || no_python
  check_program "$python"
  # A python that isn't ours has no place for the proof; the first push makes the folder for it.
  locate "$state_folder"
  proof=$path/started
  [ -d "$path" ] || proof=
  if [ $# -eq 0 ] || met "$@"; then finish 0 "$@"; return; fi
  say "installing $* for $python"
  install_all "$@"
  finish 1 "$@"
}

# Sets the paths of the environment: `folder`, and those of its parts. Ends the script if others may change it.
name_environment() {
  locate "$folder"
  folder=$path
  check_own "$folder"
  # A link of the account's own may lead to another disk: a new environment must lie there, too.
  if [ -L "$folder" ]; then folder=$(readlink -f "$folder") || problem not-writable "$folder"; fi
  python=$folder/bin/python
  whole=$folder/.mlcube-ssh-whole
  begun=$folder/.mlcube-ssh-begun
  made=$folder/.mlcube-ssh-made
  proof=$folder/.mlcube-ssh-started
  # Where the former environment lies until the new one starts mlcube.
  former=$folder.mlcube-ssh-former
  # In a folder like /tmp, another user may have made what takes the place of the environment, or a pipe as its lock.
  check_own "$former" "$folder.lock"
  # One line that changes whenever any part of the environment's definition changes. Arguments: the requirements.
  wanted="$named_python $*"
}

# Sets `fault` to what is wrong with the environment, which must be made anew for it; to nothing if it isn't there, or
# lacks packages only.
find_fault() {
  fault=
  if [ -f "$begun" ]; then
    fault="was not finished"
  elif [ -f "$whole" ] && ! "$python" -E -c '' 2>/dev/null; then
    fault="has a python that doesn't start any more"
  elif [ -f "$made" ] && ! is_environment; then
    fault="has lost files"
  elif [ -f "$made" ] && is_of_another_python; then
    fault="was made with another python than $named_python"
  fi
}

# Handles every state of an environment: complete, made with another python, unfinished, damaged, missing.
virtual_environment() {
  name_environment "$@"
  if [ ! -e "$former" ] && is_whole "$@"; then finish 0 "$@"; return; fi

  make_own "${folder%/*}"
  one_at_a_time
  settle_former
  if is_whole "$@"; then finish 0 "$@"; return; fi
  # A dead connection, a signal and every problem end the script, so this is the one place that undoes what it began.
  is_creating=
  trap undo EXIT
  trap 'exit 143' HUP INT TERM PIPE
  find_fault
  if [ -n "$fault" ]; then
    make_anew "$fault"
  elif ! is_environment; then
    if is_skeleton; then
      say "$folder has lost its files; recreating it"
      mv "$folder" "$former" || problem not-writable "$folder"
    fi
    create
  fi
  fill "$@"
  # A package that pip counts as installed may be incomplete: a cleanup of old files can have that effect.
  if [ -f "$whole" ] && ! is_started "$@"; then
    make_anew "can't start mlcube any more"
    fill "$@"
  fi
  check_state "$@"
  if ! { printf '%s\n' "$wanted" >"$whole.new" && mv "$whole.new" "$whole" && rm -f "$begun"; }; then
    problem not-writable "$folder"
  fi
  trap - EXIT HUP INT TERM PIPE
  rm -rf "$former"
  finish 1 "$@"
}

is_started() {
  state=$(state_of "$python" "$@" 2>/dev/null) || return 1
  case $state in mlcube\ *) ;; *) return 1 ;; esac
}

# Checks whether the python in the folder is that of an environment. After a cleanup of old files, its link to the
# system's python may be left alone: pip would install for the system.
is_environment() {
  "$python" -E - "$folder" 2>/dev/null <<'PYTHON'
import os
import sys

is_at_home = os.path.realpath(sys.prefix) == os.path.realpath(sys.argv[1])
sys.exit(0 if is_at_home or sys.prefix != sys.base_prefix else 1)
PYTHON
}

# Checks whether nothing but folders and links is left of an environment.
is_skeleton() {
  [ -L "$python" ] && [ -z "$(find "$folder" ! -type d ! -type l 2>&1 | head -n 1)" ]
}

# Prints what a python and the environments made with it have in common: the version, and where python is installed.
base_of() {
  "$1" -E -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)'
}

# Checks whether the settings now name another python than the one with which the environment was made.
is_of_another_python() {
  maker=$(command -v "$named_python") || no_python
  [ "$(base_of "$maker")" != "$(base_of "$python")" ]
}

# Replaces the environment by a new one, unless we didn't create it: then only its packages are ours. Refuses while a
# process runs in it, because a job would lose the modules that it hasn't imported yet.
make_anew() {
  [ -f "$made" ] || [ -f "$begun" ] || problem made-by-others "$folder"
  # The pattern comes on standard input: among grep's arguments it would match grep itself.
  # shellcheck disable=SC2062 # the pattern is that of -f
  if printf '%s\n' "$python" | grep -f - -qsF /proc/[0-9]*/cmdline; then problem in-use "$folder"; fi
  maker=$(command -v "$named_python") || no_python
  say "$folder $1; recreating it"
  if [ -f "$begun" ]; then
    # It never worked, and where it filled the disk its room is needed.
    rm -rf "$folder" || problem not-writable "$folder"
  else
    mv "$folder" "$former" || problem not-writable "$folder"
  fi
  state=
  create
}

# Removes the environment that this script began to create, and puts the former one back.
undo() {
  trap '' HUP INT TERM PIPE
  if [ -n "$is_creating" ]; then rm -rf "$folder"; fi
  if [ -e "$former" ]; then give_back; fi
}

give_back() { [ ! -e "$folder" ] && mv "$former" "$folder"; }

# After a power cut the former environment may still be beside the new one, which counts only if it was finished.
settle_former() {
  [ -e "$former" ] || return 0
  if [ -f "$whole" ] && [ ! -f "$begun" ]; then
    rm -rf "$former" || problem not-writable "$former"
  else
    { rm -rf "$folder" && give_back; } || problem not-writable "$folder"
  fi
}

fill() {
  if [ $# -gt 0 ] && ! met "$@"; then
    # Without its files a package is still imported, from its empty folder.
    if [ -f "$made" ] && ! "$python" -E -m pip --version >/dev/null 2>&1; then make_anew "has lost files"; fi
    say "installing $* in $folder"
    install_all "$@"
  fi
}

create() {
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then problem not-an-environment "$folder"; fi
  maker=$(command -v "$named_python") || no_python
  say "creating $folder"
  make_own "$folder"
  is_creating=yes
  printf '' >"$begun" || problem not-writable "$folder"
  make_with "$maker" "$folder" || problem create "$folder"
  printf '' >"$made" || problem not-writable "$folder"
}

# Makes an environment of the python $1 in the folder $2.
make_with() {
  if command -v virtualenv >/dev/null; then
    virtualenv -q -p "$1" "$2" >&2
  else
    "$1" -m venv "$2" >&2
  fi
}

# Makes the folder $1: that of the environment or the one above. In a folder like /tmp, another user may have made it
# since it was checked.
make_own() {
  mkdir -p "$1" || problem not-writable "$1"
  check_own "$folder"
}

# Makes a second pipeline wait that wants the same environment. The lock ends with its holder.
one_at_a_time() {
  # A failing redirection of `exec` or `:` would end the shell without a message (POSIX 2.8.1).
  printf '' >>"$folder.lock" || problem not-writable "$folder.lock"
  exec 9>>"$folder.lock"
  # An installation takes minutes at most, so 900 seconds are enough.
  timeout -s KILL 900 flock 9 2>/dev/null
  case $? in
    0) ;;
    124 | 137) problem busy "$folder" ;;
    *) say "the file system of $folder has no file locks: start no other interp for it meanwhile" ;;
  esac
}
