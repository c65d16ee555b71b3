#!/bin/sh
# Runs the user's own line, mlcube_ssh_setup, before a script; the script ends if the line fails.

# shellcheck disable=SC2154 # the client sets it

# Clusters define `module` in login shells only. The start-up files of Environment Modules and of Lmod define it in any
# shell.
case $mlcube_ssh_setup in
  *module\ * | *ml\ *)
    for mlcube_ssh_init in "${MODULESHOME:-/none}/init/sh" "${LMOD_PKG:-/none}/init/sh" \
      /etc/profile.d/modules.sh /etc/profile.d/lmod.sh /etc/profile.d/z00_lmod.sh /usr/share/modules/init/sh \
      /usr/share/Modules/init/sh /usr/share/lmod/lmod/init/sh /usr/local/lmod/lmod/init/sh; do
      if command -v module >/dev/null 2>&1; then break; fi
      [ -r "$mlcube_ssh_init" ] || continue
      # shellcheck disable=SC1090 # a file of the remote's
      . "$mlcube_ssh_init" >&2
    done
    ;;
esac

# Its output is no part of the reply. Its standard error comes before the line `ready`, by which the client tells it
# from ssh's own words.
eval "$mlcube_ssh_setup" 4>&1 >&2 2>&4 4>&- || exit

# Resets the shell's options, traps and IFS; variables, limits and umask stay as the line set them.
trap - 0 1 2 3 13 15
set +aefuvxC
unset IFS mlcube_ssh_setup mlcube_ssh_init
# A function or an alias of the line's (`alias rm='rm -i'`) isn't what a script means.
unset -f awk cat cd chmod command cp cut date df echo eval exec exit export false find flock grep head id kill ln ls \
  mkdir mktemp mv printf ps pwd read readlink rm rmdir sed set setsid shift sleep sort stat tail tar test tr true \
  type ulimit umask uname wait wc 2>/dev/null || :
unalias -a 2>/dev/null || :
if command -v shopt >/dev/null; then
  # bash: its own traps, and patterns that vanish or fail where nothing matches.
  # shellcheck disable=SC3047
  trap - ERR DEBUG RETURN
  # shellcheck disable=SC3044
  shopt -u failglob nullglob
fi
case ":$PATH:" in
  *:/usr/bin:*) ;;
  *) PATH=${PATH:+$PATH:}/usr/local/bin:/usr/bin:/bin && export PATH ;;
esac
