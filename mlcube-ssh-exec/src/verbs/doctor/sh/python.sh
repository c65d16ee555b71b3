#!/bin/sh
# Checks of the python environment, and of the platform in it. environment.sh is before it.
# shellcheck disable=SC2154 # doctor.sh is given what these read, and sets work; name_environment sets folder and its parts

# Looks at the environment as interp does. Prints `state whole`, `absent` or `lacking`, and `python PATH` where there is
# one. Arguments: the requirements.
check_environment() {
  if [ "$kind" = system ]; then
    python=$(command -v "$named_python") || no_python
    check_program "$python"
    locate "$state_folder"
    proof=$path/started
  else
    name_environment "$@"
    if [ ! -e "$former" ] && { [ ! -e "$folder" ] || [ -z "$(ls -A "$folder")" ]; }; then
      printf 'state absent\nfound %s\n' "$folder isn't made yet"
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
  printf 'python %s\n' "$python"
  if [ $# -gt 0 ]; then
    met "$@"
    if [ $? = 1 ]; then
      printf 'state lacking\nwarning %s\n' "${folder:-$python} lacks some of its requirements"
      return 0
    fi
  fi
  # What proves that mlcube starts also tells the platform: to start it twice would take half a second more.
  asked=
  if ! is_proved "$@"; then
    asked=$(ask_for_platform) || asked=
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
  [ -z "$asked" ] || printf 'platform %s\n' "$asked"
  printf 'state whole\nfound %s\n' "mlcube ${version%% *} starts with $python"
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
  # A python of its distribution refuses an installation, even of what it has.
  [ "$kind" = virtualenv ] || install pip
  # Less patience than interp has: somebody waits for the reply.
  install --timeout 5 --no-cache-dir --no-deps --target "$target" "$@"
  printf 'found %s\n' "pip fetches the requirements"
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

# Judges the answer $1; without one mlcube is asked now.
check_platform() {
  answer=$1
  if [ -z "$answer" ]; then
    python=$its_python
    answer=$(ask_for_platform) || problem no-platform "$platform"
    answer=${answer#*"
"}
  fi
  case $answer in
    known\ *)
      printf '%s\n' "$answer"
      printf 'found %s\n' "mlcube knows the platform $platform, and has its runner"
      ;;
    no-runner\ *) problem no-runner "${answer#no-runner }" ;;
    *) problem no-platform "$platform" ;;
  esac
}

# All of them: what follows depends on the environment.
python_checks() {
  know_python
  forget_variables
  run environment check_environment "$@"
  its_python=$(told_of python)
  case $(told_of state) in
    whole) if [ -n "$work" ]; then run platform check_platform "$(told_of platform)"; fi ;;
    absent | lacking)
      run python check_python
      [ $# -gt 0 ] || [ "$kind" = virtualenv ] || return 0
      # Where the environment belongs: its disk may take no programs.
      near=$HOME
      if [ "$kind" = virtualenv ]; then
        locate "${folder%/*}"
        near=$path
      fi
      until [ -d "$near" ]; do near=${near%/*}; done
      trial=$(mktemp -d "${near:-/}/mlcube-ssh.XXXXXX" 2>/dev/null) || trial=
      if [ -z "$trial" ]; then
        run venv problem not-writable "$near"
        return 0
      fi
      trap 'rm -rf "$trial"' EXIT
      trap 'exit 143' HUP INT TERM
      if [ -z "$its_python" ]; then
        run venv check_creation "$trial/environment"
        [ "$ended" = 0 ] || return 0
        its_python=$trial/environment/bin/python
      fi
      [ $# -eq 0 ] || run index check_index "$trial" "$@"
      ;;
  esac
}
