#!/bin/sh
# Checks of the python environment, and of the platform in it. environment.sh is before it.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets work; name_environment sets folder and its parts

# Looks at the environment as interp does. Prints `value state whole`, `absent` or `lacking`; where there is one, `value python
# PATH`; and what mlcube says of the platform, `value platform LINE` or `value silent yes`, if it was asked. Arguments: the
# requirements.
check_environment() {
  if [ "$kind" = system ]; then
    python=$(command -v "$named_python") || no_python
    check_program "$python"
    locate "$state_folder"
    proof=$path/started
  else
    name_environment "$@"
    if [ ! -e "$former" ] && { [ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ]; }; then
      printf 'value state absent\nfound %s\n' "$folder isn't made yet"
      return 0
    fi
    [ ! -e "$former" ] || problem unfinished "$folder was being made anew when that was cut off"
    find_fault
    [ -z "$fault" ] || problem unfinished "$folder $fault"
    if ! is_environment; then
      ! is_skeleton || problem unfinished "$folder has lost its files"
      problem not-an-environment "$folder"
    fi
  fi
  printf 'value python %s\n' "$python"
  if [ $# -gt 0 ]; then
    met "$@"
    if [ $? = 1 ]; then
      printf 'value state lacking\nwarning lacking %s\n' "${folder:-$python} lacks some of its requirements"
      return 0
    fi
  fi
  # What proves that mlcube starts also tells the platform: to start it twice would take half a second more.
  asked=
  if ! is_proved "$@"; then
    asked=$(ask_for_platform)
    # It isn't waited for again.
    [ $? != 137 ] || echo 'value silent yes'
    case $asked in
      mlcube\ *)
        state=${asked%%"
"*}
        asked=${asked#*"
"}
        ;;
      *)
        # shellcheck disable=SC2034 # state_of writes none then
        proof='' asked=
        check_state "$@"
        ;;
    esac
  fi
  version=${state#mlcube }
  [ -z "$asked" ] || printf 'value platform %s\n' "$asked"
  printf 'value state whole\nfound %s\n' "mlcube ${version%% *} starts with $python"
}

# Starts the python of the settings.
check_python() {
  maker=$(command -v "$named_python") || no_python
  [ "$kind" = virtualenv ] || check_program "$maker"
  version=$("$maker" -E -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])') || problem broken "$maker"
  printf 'found %s\n' "python $version, $maker"
}

# Makes an environment in the folder $1.
check_creation() {
  maker=$(command -v "$named_python") || no_python
  make_with "$maker" "$1" || problem create "$1"
  "$1/bin/python" -E -c '' || problem broken "$1/bin/python"
  if command -v virtualenv >/dev/null; then with=virtualenv; else with=venv; fi
  printf 'found %s\n' "$with makes an environment"
}

# Lets pip fetch what the requirements name, into the folder $1. Further arguments: the requirements.
check_index() {
  target=$1/packages
  shift
  python=$its_python
  # A configuration file of pip may contradict --target, and would change what is installed.
  PIP_USER=0 PIP_UPGRADE=0 PIP_FORCE_REINSTALL=0 PIP_IGNORE_INSTALLED=0
  export PIP_USER PIP_UPGRADE PIP_FORCE_REINSTALL PIP_IGNORE_INSTALLED
  # A python of its distribution refuses an installation, even of what it has.
  [ "$kind" = virtualenv ] || install --no-index pip
  # Less patience than interp has: somebody waits for the reply.
  install --timeout 5 --no-cache-dir --no-deps --target "$target" "$@"
  printf 'found %s\n' "pip fetches the requirements; what these need isn't tried"
}

# Lets mlcube look for the platform and its runner, as it does when a job starts. Its settings are a copy: mlcube writes
# what it misses into the file.
ask_for_platform() {
  [ -n "$work" ] || return
  copy=$work/settings.yaml
  if [ -n "$settings" ]; then
    printf '%s\n' "$settings" >"$copy"
  else
    cat "${MLCUBE_SYSTEM_SETTINGS:-$HOME/mlcube.yaml}" >"$copy" 2>/dev/null || : >"$copy"
  fi
  timeout -s KILL 20 "$python" -E -W ignore -c "$find_platform" "$copy" "$platform"
}

# Judges the line $1 of mlcube; without one mlcube is asked now.
check_platform() {
  line=$1
  if [ -z "$line" ]; then
    python=$its_python
    reply=$(ask_for_platform) || problem mlcube-fails "$?"
    line=${reply#*"
"}
  fi
  case $line in
    known\ *)
      printf 'value %s\n' "$line"
      printf 'found %s\n' "mlcube knows the platform $platform, and has its runner"
      ;;
    no-runner\ *) problem no-runner "${line#no-runner }" ;;
    no-platform) problem no-platform "$platform" ;;
    *) problem mlcube-fails 0 ;;
  esac
}

# Tries what the environment will be made of: the python, the program that makes it, and pip's way to the packages.
# Arguments: the requirements.
try_creation() {
  run python check_python
  [ $# -gt 0 ] || [ "$kind" = virtualenv ] || return 0
  # Where the environment belongs: its disk may take no programs.
  near=$HOME
  if [ "$kind" = virtualenv ]; then
    locate "${folder%/*}"
    nearest_folder "$path"
  fi
  trial=${near%/}/mlcube-ssh.$id-python
  trap 'rm -rf "$trial"' EXIT
  trap 'exit 143' HUP INT TERM PIPE
  if ! (umask 077 && mkdir "$trial") 2>/dev/null; then
    run venv problem not-writable "$near"
    return 0
  fi
  if [ -z "$its_python" ]; then
    run venv check_creation "$trial/environment"
    [ "$ended" = 0 ] || return 0
    its_python=$trial/environment/bin/python
  fi
  [ $# -eq 0 ] || run index check_index "$trial" "$@"
}

# All of them: what follows depends on the environment.
python_checks() {
  know_python
  forget_variables
  run environment check_environment "$@"
  its_python=$(value_of python)
  state_of_environment=$(value_of state)
  case $state_of_environment in
    whole)
      if [ -z "$work" ]; then
        run platform lack tree
      elif [ -n "$(value_of silent)" ]; then
        run platform problem mlcube-fails 137
      else
        run platform check_platform "$(value_of platform)"
      fi
      ;;
    absent | lacking)
      run platform pass_over "the python environment isn't complete yet"
      try_creation "$@"
      ;;
    *) run platform lack environment ;;
  esac
}
