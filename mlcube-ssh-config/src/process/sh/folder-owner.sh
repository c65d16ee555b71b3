# Checks who owns the folders of what runs on the remote. Others must not be able to replace it.
# shellcheck disable=SC2154 # the client sets shared

# Ends the script unless these folders, as far as they exist, belong to this account, nobody else can write in them, and
# nobody else can replace a folder or link on the way to them. In a folder that a group shares, its members may.
check_own() {
  know_owner "$@"
  # Usually all of them belong to this account.
  [ "$ownership" != own ] || return 0
  # /proc doesn't tell this account's number of a process that it hides.
  own_uid=$(id -u)
  for checked; do
    know_owner "$checked"
    # A failed check proves nothing.
    [ "$ownership" = own ] || problem not-own "${ownership:-unlooked - - $checked}"
  done
}

# Ends the script if everybody could replace the program $1. Its owner isn't checked, because whoever named the program
# knows it: a site has its pythons from an account of its own.
check_program() {
  any_owner=yes
  check_own "$1"
  any_owner=
}
any_owner='' own_uid=

# Sets `ownership` to `own` if these folders belong to this account, else to what is wrong with one of them: `owner WHO
# MODE PATH`, `writable WHO MODE PATH` for a folder of the account, `exposed WHO MODE PATH` for another one; to nothing
# when that can't be checked. Its other variables have names of their own, so that no subshell has to keep them.
know_owner() {
  ownership='' way_number=$# way_ends=//
  # Each folder is replaced by the paths on the way to it, behind those of the folders before it.
  while [ "$way_number" -gt 0 ]; do
    way_end=$1 is_there=yes way_number=$((way_number - 1))
    shift
    until [ -e "$way_end" ] || [ -L "$way_end" ]; do
      way_end=${way_end%/*} is_there=
      [ -n "$way_end" ] || way_end=/
    done
    way_left=$way_end way='' way_links=0
    set -- "$@" /
    while [ -n "$way_left" ]; do
      way_name=${way_left%%/*}
      case $way_left in */*) way_left=${way_left#*/} ;; *) way_left= ;; esac
      case $way_name in '' | .) continue ;; esac
      way=$way/$way_name
      set -- "$@" "$way"
      [ -L "$way" ] || continue
      # The system follows as many links (path_resolution(7)).
      way_links=$((way_links + 1))
      [ "$way_links" -le 40 ] || return
      way_target=$(readlink "$way") || return
      case $way_target in
        /*) way= ;;
        *) way=${way%/*} ;;
      esac
      way_left=$way_target/$way_left
    done
    # No path has two slashes in a row.
    [ -z "$is_there" ] || way_ends=$way_ends${way:-/}//
  done
  # One process for all paths, and for this account's number: /proc/self is that process.
  ways=$(stat -c '%u %g %A %n' /proc/self/ "$@" 2>/dev/null)
  [ -z "$ways" ] || judge_ways "$#" <<WAYS
$ways
WAYS
}

# Reads a line of stat's output for each of $1 paths; `way_ends` are those that aren't only on the way to a folder.
judge_ways() {
  way_number=0
  while read -r way_uid way_gid way_mode way_path; do
    if [ "$way_path" = /proc/self/ ]; then
      own_uid=${own_uid:-$way_uid}
      continue
    fi
    own_uid=${own_uid:-$(id -u)} way_number=$((way_number + 1))
    if [ "$way_uid" != "$own_uid" ] && [ "$way_uid" != 0 ] && [ -z "$any_owner" ] && ! is_shared_with "$way_gid"; then
      ownership="owner $(stat -c %U "$way_path" | tr ' ' _) $way_mode $way_path"
      return
    fi
    case $way_mode in
      # A link has no mode of its own, and in a sticky folder nobody can replace an entry of this account.
      l* | d????????[tT]) case $way_ends in *"//$way_path//"*) ;; *) continue ;; esac ;;
    esac
    way_fault=writable
    [ "$way_uid" = "$own_uid" ] || way_fault=exposed
    case $way_mode in
      l*) ;;
      ????????w?)
        ownership="$way_fault everybody $way_mode $way_path"
        return
        ;;
      ?????w????)
        [ -n "$any_owner" ] || is_private_here "$way_gid" "$way_path" || is_shared_with "$way_gid" || {
          ownership="$way_fault $(stat -c %G "$way_path" | tr ' ' _) $way_mode $way_path"
          return
        }
        ;;
    esac
  done
  [ "$way_number" != "$1" ] || ownership=own
}

# Checks that $1, the group that may write in the folder $2, is this account alone. With an ACL, which ls marks, its
# bits are those of anybody whom the ACL names.
is_private_here() {
  is_private "$1" || return 1
  case $(ls -ld "$2" 2>/dev/null) in ??????????+*) return 1 ;; esac
}

# Checks that nobody else is in the group $1: many systems give every user a group of the same name, but somebody may
# have been added to it, or may have it as primary group, and such a member isn't in its list.
is_private() {
  [ "$1" = "$(id -g)" ] && [ "$(id -gn)" = "$(id -un)" ] || return 1
  members=$(getent group "$1" 2>/dev/null || grep "^[^:]*:[^:]*:$1:" /etc/group) || return 1
  own_name=$(id -un)
  case ${members##*:} in '' | "$own_name") ;; *) return 1 ;; esac
  # Only the accounts of this file: to ask a directory service for all of its accounts may take minutes.
  while IFS=: read -r member _ _ primary _; do
    if [ "$primary" = "$1" ] && [ "$member" != "$own_name" ]; then return 1; fi
  done </etc/passwd
}

# Gives these folders, and everything made in them later, to the group of the parent folder, as far as this account may:
# only a member can, and only for its own folders.
give_to_group() {
  for given; do
    [ -O "$given" ] || continue
    gid=$(stat -c %g "${given%/*}/")
    ! is_shared_with "$gid" || chgrp "$gid" "$given" || return
    # After chgrp: if the account isn't in the group, the system drops the set-gid bit.
    chmod g+rwxs,o-rwx "$given" || return
  done
}

# Checks that the settings say that a group shares the tree, and that this account is in the group $1.
is_shared_with() {
  [ "$shared" = yes ] || return 1
  case " $(id -G) " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}
