#!/bin/sh
# Makes sure that the python environment is there and whole.
# $1 system or virtualenv, $2 python, $3 the environment's folder (empty: none), then one word a requirement.
# Answers: changed, python (its path), mlcube (its version); or problem.

kind=$1 named=$2 folder=$3
shift 3

case $named in \~/*) named=$(absolute "$named") ;; esac

# What python itself says of the environment: the version of mlcube, or what is missing.
state_of() {
  "$1" -c '
import sys
from importlib.util import find_spec
if find_spec("mlcube") is None:
    print("no-mlcube")
elif sys.version_info >= (3, 12) and find_spec("distutils") is None and find_spec("setuptools") is None:
    print("no-distutils %d.%d" % sys.version_info[:2])
else:
    try:
        from importlib.metadata import version
        print("mlcube", version("mlcube"))
    except Exception:
        print("mlcube unknown")
'
}

# Whether every requirement is met already, without pip. What only pip can judge (a URL, a file) is not.
met() {
  "$python" - "$@" <<'PYTHON'
import sys
try:
    from importlib.metadata import version
    try:
        from packaging.requirements import Requirement
    except ImportError:
        from pip._vendor.packaging.requirements import Requirement
    words = iter(sys.argv[1:])
    for word in words:
        if word.startswith("-"):
            if "=" not in word and word not in ("--no-index", "--pre", "--upgrade", "-U", "--user", "--no-deps"):
                next(words, None)
            continue
        wanted = Requirement(word)
        if wanted.url or not wanted.specifier.contains(version(wanted.name), prereleases=True):
            sys.exit(1)
except Exception:
    sys.exit(1)
PYTHON
}

install() {
  "$python" -m pip install --disable-pip-version-check --no-input "$@" >&2 || problem pip "$python"
}

# A pip that is asked for is installed first: it is the one that installs the rest.
install_all() {
  for word; do
    case $word in pip | pip[\<\>=!~]*) install "$word" ;; esac
  done
  install "$@"
}

finish() {
  state=$(state_of "$python") || problem broken "$python"
  case $state in
    mlcube\ *) ;;
    *) problem "$state" ;;
  esac
  let_client_go
  printf 'changed %s\npython %s\n%s\n' "$1" "$python" "$state"
}

system_python() {
  python=$(command -v "$named") || problem no-python "$named"
  if [ $# -eq 0 ] || met "$@"; then finish 0; return; fi
  say "installing $* for $python"
  install_all "$@"
  finish 1
}

# Works through the states in which an environment can be: whole, another's, broken off, not there.
virtual_environment() {
  folder=$(absolute "$folder")
  check_own "$folder"
  python=$folder/bin/python
  whole=$folder/.mlcube-ssh-whole
  begun=$folder/.mlcube-ssh-begun
  # One line that changes when anything changes that the environment is made of.
  wanted="$named $*"
  if [ -f "$whole" ] && [ "$(cat "$whole")" = "$wanted" ] && "$python" -c '' 2>/dev/null; then finish 0; return; fi

  mkdir -p "${folder%/*}" || problem not-writable "${folder%/*}"
  one_at_a_time
  if [ -f "$whole" ] && [ "$(cat "$whole")" = "$wanted" ] && "$python" -c '' 2>/dev/null; then finish 0; return; fi
  if [ -f "$begun" ] || { [ -f "$whole" ] && ! "$python" -c '' 2>/dev/null; }; then
    say "$folder was not finished; making it anew"
    rm -rf "$folder" || problem not-writable "$folder"
  fi
  if ! "$python" -c '' 2>/dev/null; then create; fi
  if [ $# -gt 0 ] && ! met "$@"; then
    say "installing $* in $folder"
    install_all "$@"
  fi
  if ! { printf '%s\n' "$wanted" >"$whole.new" && mv "$whole.new" "$whole" && rm -f "$begun"; }; then
    problem not-writable "$folder"
  fi
  finish 1
}

create() {
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then problem not-an-environment "$folder"; fi
  maker=$(command -v "$named") || problem no-python "$named"
  say "creating $folder"
  if ! { mkdir -p "$folder" && : >"$begun"; }; then problem not-writable "$folder"; fi
  if command -v virtualenv >/dev/null; then
    virtualenv -q -p "$maker" "$folder" >&2 || problem create "$folder"
  else
    "$maker" -m venv "$folder" >&2 || problem create "$folder"
  fi
}

# Two pipelines that want the same environment: the second one waits. The lock goes with its holder.
one_at_a_time() {
  command -v flock >/dev/null || return 0
  exec 9>"$folder.lock" || problem not-writable "$folder.lock"
  flock 9
}

end_with_client
case $kind in
  system) system_python "$@" ;;
  *) virtual_environment "$@" ;;
esac
