# Checks who owns the folders of what runs on the remote. Others must not be able to replace it.
# shellcheck disable=SC2154 # the client sets shared

# Ends the script unless these folders, as far as they exist, belong to this account, nobody else can write in them, and
# nobody else can replace a folder or link on the way to them. In a folder that a group shares, its members may.
check_own() {
  # Once for all folders, and outside the subshells that need it.
  own_uid=${own_uid:-$(id -u)}
  # Usually all of them belong to this account.
  [ "$(whose "$@")" != own ] || return 0
  for checked; do
    found=$(whose "$checked")
    # A failed check proves nothing.
    [ "$found" = own ] || problem not-own "${found:-unlooked - - $checked}"
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

# Prints `own` if these folders belong to this account, else what is wrong with one of them: `owner WHO MODE PATH`,
# `writable WHO MODE PATH` for a folder of the account, `exposed WHO MODE PATH` for another one. Prints nothing when
# that can't be checked.
whose() {
  own_uid=${own_uid:-$(id -u)} unseen=$# themselves=//
  # Each folder is replaced by the paths on the way to it, behind those of the folders before it.
  while [ "$unseen" -gt 0 ]; do
    place=$1 itself=yes unseen=$((unseen - 1))
    shift
    until [ -e "$place" ] || [ -L "$place" ]; do
      place=${place%/*} itself=
      [ -n "$place" ] || place=/
    done
    left=$place way='' links=0
    set -- "$@" /
    while [ -n "$left" ]; do
      name=${left%%/*}
      case $left in */*) left=${left#*/} ;; *) left= ;; esac
      case $name in '' | .) continue ;; esac
      way=$way/$name
      set -- "$@" "$way"
      [ -L "$way" ] || continue
      # The system follows as many links (path_resolution(7)).
      links=$((links + 1))
      [ "$links" -le 40 ] || return
      target=$(readlink "$way") || return
      case $target in
        /*) way= ;;
        *) way=${way%/*} ;;
      esac
      left=$target/$left
    done
    # No path has two slashes in a row.
    [ -z "$itself" ] || themselves=$themselves${way:-/}//
  done
  # One process for all paths.
  found_ways=$(stat -c '%u %g %A %n' "$@" 2>/dev/null)
  [ -z "$found_ways" ] || judge_ways "$#" <<WAYS
$found_ways
WAYS
}

# Reads a line of stat's output for each of $1 paths; `themselves` are those that aren't only on the way to a folder.
judge_ways() {
  ways=0
  while read -r uid gid mode path; do
    ways=$((ways + 1))
    if [ "$uid" != "$own_uid" ] && [ "$uid" != 0 ] && [ -z "$any_owner" ] && ! is_shared_with "$gid"; then
      printf 'owner %s %s %s\n' "$(stat -c %U "$path" | tr ' ' _)" "$mode" "$path"
      return
    fi
    case $mode in
      # A link has no mode of its own, and in a sticky folder nobody can replace an entry of this account.
      l* | d????????[tT]) case $themselves in *"//$path//"*) ;; *) continue ;; esac ;;
    esac
    found=writable
    [ "$uid" = "$own_uid" ] || found=exposed
    case $mode in
      l*) ;;
      ????????w?) printf '%s everybody %s %s\n' "$found" "$mode" "$path" && return ;;
      ?????w????)
        [ -n "$any_owner" ] || is_private_here "$gid" "$path" || is_shared_with "$gid" || {
          printf '%s %s %s %s\n' "$found" "$(stat -c %G "$path" | tr ' ' _)" "$mode" "$path"
          return
        }
        ;;
    esac
  done
  [ "$ways" != "$1" ] || echo own
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
