#!/bin/sh
# Makes sure that the python environment exists and is complete.
# Given:
#   kind          system or virtualenv
#   named_python  the name or path of a python
#   folder        that of the environment, or nothing
#   state_folder  that of the remote tree, which may not exist yet
# Words: the requirements.
# Replies:
#   changed               whether anything was
#   python                its path
#   mlcube                its version
#   gpus                  `plain` or `quoted`: how a list of GPUs must be passed
#   problem KIND SUBJECT  instead, if it fails
# shellcheck disable=SC2154 # the client sets what is given

case $named_python in \~/*) named_python=$(absolute "$named_python") ;; esac

# The user's variables for python and pip could make it import other packages, or install ours elsewhere.
unset PYTHONPATH PYTHONHOME PYTHONSTARTUP PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV PIP_USER
# A configuration file of pip may set the same.
PIP_REQUIRE_VIRTUALENV=0
export PIP_REQUIRE_VIRTUALENV
if [ "$kind" = virtualenv ]; then
  PIP_USER=0
  export PIP_USER
fi

# Starting mlcube takes half a second of processor time, checking the files from which it starts almost none. After a
# successful start `proof` holds: what it was started with, what it printed, and `INODE CTIME SIZE PATH` of each of
# these files.

# Prints what mlcube is started with, in one line. Arguments: the requirements. LD_LIBRARY_PATH is included because
# libraries come from it.
started_with() { printf '%s\n' "$python ${LD_LIBRARY_PATH-} $*"; }

# Checks whether each of these files is unchanged since mlcube was seen to start; then sets `state` to what it printed.
is_proved() {
  [ -O "$proof" ] && { IFS= read -r with && read -r said; } <"$proof" && [ "$with" = "$(started_with "$@")" ] || return 1
  {
    printf '%s\n%s\n' "$with" "$said"
    # -L: what counts is the file that a link leads to.
    sed -n '3,$s/^[0-9]* [0-9]* [0-9]* //p' "$proof" | tr '\n' '\0' | xargs -0 stat -L -c '%i %Z %s %n'
  } 2>/dev/null | cmp -s - "$proof" || return 1
  state=$said
}

# Prints the state of the environment as python sees it: the version of mlcube and how it takes a list of GPUs, or why
# mlcube can't start. Arguments: the python, then the requirements; mlcube's runners among them must be installed.
# Writes the proof.
state_of() {
  its_python=$1
  shift
  "$its_python" -E - "$proof" "$(started_with "$@")" "$@" <<'PYTHON'
import glob
import importlib
import os
import pkgutil
import re
import sys
import time

began = time.time()
# Removes the current folder: a folder of the account that happens to be called mlcube must not be imported.
sys.path = [place for place in sys.path if place]


def note(proof, started_with, said):
    """Writes what `is_proved` reads: the files of all modules, python itself, and the folders where modules are found.

    Writes nothing if one of them has changed since the start: mlcube may have started from an earlier version of it.
    """
    paths = {module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)}
    paths |= {sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg"), *sys.path}
    paths |= {path for place in sys.path for path in glob.glob(os.path.join(place, "*.pth"))}
    lines = [started_with, said]
    for path in sorted(path for path in paths if os.path.exists(path)):
        file = os.stat(path)
        if file.st_ctime >= int(began):
            return
        lines.append("%d %d %d %s" % (file.st_ino, file.st_ctime, file.st_size, path))
    with open(os.open(proof + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", errors="surrogateescape") as new:
        new.write("".join(line + "\n" for line in lines))
    os.rename(proof + ".new", proof)


proof, started_with = sys.argv[1:3]
names = ["mlcube.__main__"]
for word in sys.argv[3:]:
    name = re.split(r"[^A-Za-z0-9._-]", word)[0].replace("-", "_")
    if name.startswith("mlcube_"):
        names.append(name)
# mlcube imports every runner that is installed, not only those of the requirements.
names += [module.name for module in pkgutil.iter_modules() if module.name.startswith("mlcube_") and module.name not in names]
wrong = None
for name in names:
    try:
        # Only a run would import the modules behind this function, long after mlcube has started.
        getattr(importlib.import_module(name), "get_runner_class", lambda: None)()
    except BaseException as problem:
        wrong = (name, problem)
        break
if wrong is None:
    try:
        from importlib.metadata import version
        said = "mlcube " + version("mlcube")
    except Exception:
        said = "mlcube unknown"
    # A job checks this again when it starts, because another package may be installed by then.
    try:
        from mlcube_docker import docker_run
        said += " plain" if hasattr(docker_run, "DeviceSpecs") else " quoted"
    except ImportError:
        pass
    print(said)
    try:
        if proof:
            note(proof, started_with, said)
    except Exception:
        # A module may raise any exception when its file is asked for. Without a proof mlcube is started again the next
        # time.
        pass
else:
    name, problem = wrong
    missing = getattr(problem, "name", None) if isinstance(problem, ModuleNotFoundError) else None
    if missing in (name, name.split(".")[0]):
        print("no-mlcube", name.split(".")[0].replace("_", "-"))
    elif missing == "distutils":
        print("no-distutils %d.%d" % sys.version_info[:2])
    elif missing is not None and missing.startswith("typing.io"):
        print("too-new %d.%d" % sys.version_info[:2])
    else:
        print("no-import", type(problem).__name__ + ":", " ".join(str(problem).split())[:500])
PYTHON
}

# Checks whether the environment that we created still starts mlcube.
is_whole() {
  [ -f "$whole" ] && [ "$(cat "$whole")" = "$wanted" ] || return 1
  is_proved "$@" && return
  # Another version may have been installed since. What only pip can judge was met when the environment became whole.
  # This comes first: the proof that mlcube starts counts for the requirements, too.
  met "$@"
  [ $? -ne 1 ] && is_started "$@"
}

# Checks without pip whether every requirement is met already. Status 1: one isn't; 2: all others are met, and one can
# be judged by pip alone (a URL, a file, an option that changes what is installed, or where).
met() {
  "$python" -E - "$@" <<'PYTHON'
import re
import sys

# Removes the current folder: a folder of the account that happens to be called packaging must not be imported.
sys.path = [place for place in sys.path if place]

# The options that change how pip works, not what it installs (pip-install(1)): with a value, and without.
WITH_VALUE = set("""
    -i --index-url --extra-index-url -f --find-links --trusted-host --proxy --cert --client-cert --keyring-provider
    --timeout --retries --resume-retries --cache-dir --log --progress-bar --exists-action --root-user-action
    --no-binary --only-binary --upgrade-strategy --use-feature --use-deprecated
""".split())
WITHOUT_VALUE = set("""
    --no-index --pre -U --upgrade --user --no-deps -q -qq -qqq --quiet -v -vv -vvv --verbose --no-input --no-color
    --no-cache-dir --disable-pip-version-check --prefer-binary --no-build-isolation --use-pep517 --no-use-pep517
    --compile --no-compile --isolated --no-clean --no-warn-script-location --no-warn-conflicts
    --break-system-packages --require-virtualenv --no-python-version-warning
""".split())


class Plain:
    """A requirement whose versions are plain numbers: enough where neither packaging nor pip is installed (uv)."""

    url = marker = None
    extras = ()

    def __init__(self, text):
        parts = re.match(r"^([A-Za-z0-9._-]+)\s*(.*)$", text)
        self.name, rest = parts.group(1), parts.group(2).strip()
        self.bounds = [re.match(r"^(==|!=|<=|>=|<|>)\s*([0-9.]+)$", part.strip()).groups() for part in rest.split(",") if rest]
        self.specifier = self

    def contains(self, version, prereleases):
        return all(self.compare(version, *bound) for bound in self.bounds)

    @staticmethod
    def compare(version, operator, bound):
        left, right = ([int(part) for part in text.split(".")] for text in (version, bound))
        length = max(len(left), len(right))
        left, right = (part + [0] * (length - len(part)) for part in (left, right))
        return {
            "==": left == right, "!=": left != right, "<": left < right,
            "<=": left <= right, ">": left > right, ">=": left >= right,
        }[operator]


unknown = False
try:
    from importlib.metadata import PackageNotFoundError, requires, version
    try:
        from packaging.requirements import Requirement
    except ImportError:
        try:
            from pip._vendor.packaging.requirements import Requirement
        except ImportError:
            Requirement = Plain

    def is_met(wanted):
        if wanted.url:
            raise ValueError("only pip can judge a URL")
        if not wanted.specifier.contains(version(wanted.name), prereleases=True):
            return False
        of_package = [Requirement(line) for line in requires(wanted.name) or []] if wanted.extras else []
        for extra in wanted.extras:
            of_extra = [
                one for one in of_package
                if one.marker and one.marker.evaluate({"extra": extra}) and not one.marker.evaluate({"extra": ""})
            ]
            if not all(is_met(one) for one in of_extra):
                return False
        return True

    words = iter(sys.argv[1:])
    for word in words:
        if word.startswith("-"):
            name, has_value, _ = word.partition("=")
            if name in WITH_VALUE:
                if not has_value:
                    next(words)
            elif word not in WITHOUT_VALUE:
                # The next word may be its value.
                unknown = True
                break
            continue
        try:
            wanted = Requirement(word)
            if wanted.marker and not wanted.marker.evaluate():
                continue
            if not is_met(wanted):
                sys.exit(1)
        except PackageNotFoundError:
            sys.exit(1)
        except Exception:
            unknown = True
except Exception:
    unknown = True
sys.exit(2 if unknown else 0)
PYTHON
}

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
  "$python" -E -m pip install --disable-pip-version-check --no-input --timeout 15 --retries 1 "$@" >&2
  installed=$?
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
  proof=$(absolute "$state_folder")/started
  [ -d "${proof%/*}" ] || proof=
  if [ $# -eq 0 ] || met "$@"; then finish 0 "$@"; return; fi
  say "installing $* for $python"
  install_all "$@"
  finish 1 "$@"
}

# Handles every state of an environment: complete, made with another python, unfinished, damaged, missing.
virtual_environment() {
  folder=$(absolute "$folder")
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
  # One line that changes whenever any part of the environment's definition changes.
  wanted="$named_python $*"
  if [ ! -e "$former" ] && is_whole "$@"; then finish 0 "$@"; return; fi

  make_own "${folder%/*}"
  one_at_a_time
  settle_former
  if is_whole "$@"; then finish 0 "$@"; return; fi
  # A dead connection, a signal and every problem end the script, so this is the one place that undoes what it began.
  is_creating=
  trap undo EXIT
  trap 'exit 143' HUP INT TERM
  if [ -f "$begun" ]; then
    make_anew "was not finished"
  elif [ -f "$whole" ] && ! "$python" -E -c '' 2>/dev/null; then
    make_anew "has a python that doesn't start any more"
  elif [ -f "$made" ] && ! is_environment; then
    make_anew "has lost files"
  elif [ -f "$made" ] && is_of_another_python; then
    make_anew "was made with another python than $named_python"
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
  trap - EXIT HUP INT TERM
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
  trap '' HUP INT TERM
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
  if command -v virtualenv >/dev/null; then
    virtualenv -q -p "$maker" "$folder" >&2 || problem create "$folder"
  else
    "$maker" -m venv "$folder" >&2 || problem create "$folder"
  fi
  printf '' >"$made" || problem not-writable "$folder"
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

end_with_client
case $kind in
  system) system_python "$@" ;;
  *) virtual_environment "$@" ;;
esac
