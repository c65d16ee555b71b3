# Whose the folders are that hold what runs here. Others must not be able to put something in its place.
# shellcheck disable=SC2154 # the client sets shared

# Ends the script unless these folders, as far as they exist, are this account's own, nobody else can write in them, and
# nobody else can exchange what leads to them, through every link on the way. In a folder that a group shares its members
# may.
check_own() {
  # Once for all of them, and not in the subshells that need it.
  own_uid=${own_uid:-$(id -u)}
  for checked; do
    found=$(whose "$checked")
    # A look that failed is no answer.
    [ "$found" = own ] || problem not-own "${found:-unlooked - - $checked}"
  done
}

# Ends the script if everybody could put another program in the place of $1. Whose it is, whoever named it knows: a site has
# its pythons from an account of its own.
check_program() {
  any_owner=yes
  check_own "$1"
  any_owner=
}
any_owner='' own_uid=

# Prints `own` for a folder $1 that is this account's own, else what is wrong with it: `owner WHO MODE PATH`, `writable WHO
# MODE PATH` of a folder of the account's, `exposed WHO MODE PATH` of another one. Prints nothing when that can't be told.
whose() {
  place=$1 itself=yes own_uid=${own_uid:-$(id -u)}
  until [ -e "$place" ] || [ -L "$place" ]; do
    place=${place%/*} itself=
    [ -n "$place" ] || place=/
  done
  left=$place way='' links=0
  set -- /
  while [ -n "$left" ]; do
    name=${left%%/*}
    case $left in */*) left=${left#*/} ;; *) left= ;; esac
    case $name in '' | .) continue ;; esac
    way=$way/$name
    set -- "$@" "$way"
    [ -L "$way" ] || continue
    # As many as the system follows (path_resolution(7)).
    links=$((links + 1))
    [ "$links" -le 40 ] || return
    target=$(readlink "$way") || return
    case $target in
      /*) way= ;;
      *) way=${way%/*} ;;
    esac
    left=$target/$left
  done
  [ -z "$itself" ] || itself=${way:-/}
  # One process for all of them.
  stat -c '%u %g %A %n' "$@" 2>/dev/null | judge_ways "$#"
}

# Reads a line of stat's for each of $1 paths.
judge_ways() {
  ways=0
  while read -r uid gid mode path; do
    ways=$((ways + 1))
    if [ "$uid" != "$own_uid" ] && [ "$uid" != 0 ] && [ -z "$any_owner" ] && ! is_shared_with "$gid"; then
      printf 'owner %s %s %s\n' "$(stat -c %U "$path" | tr ' ' _)" "$mode" "$path"
      return
    fi
    case $mode in
      # A link has no mode of its own, and nobody puts another one into a sticky folder in place of ours.
      l* | d????????[tT]) [ "$path" = "$itself" ] || continue ;;
    esac
    found=writable
    [ "$uid" = "$own_uid" ] || found=exposed
    case $mode in
      l*) ;;
      ????????w?) printf '%s everybody %s %s\n' "$found" "$mode" "$path" && return ;;
      ?????w????)
        [ -n "$any_owner" ] || is_private "$gid" || is_shared_with "$gid" || {
          printf '%s %s %s %s\n' "$found" "$(stat -c %G "$path" | tr ' ' _)" "$mode" "$path"
          return
        }
        ;;
    esac
  done
  [ "$ways" != "$1" ] || echo own
}

# Whether nobody else is in the group $1: many systems give every user a group of that name, and somebody may have been
# added to it.
is_private() {
  [ "$1" = "$(id -g)" ] && [ "$(id -gn)" = "$(id -un)" ] || return 1
  members=$(getent group "$1" 2>/dev/null || grep "^[^:]*:[^:]*:$1:" /etc/group) || return 1
  case ${members##*:} in '' | "$(id -un)") ;; *) return 1 ;; esac
}

# Gives these folders to the group of the folder around them, with all that is made in them later, as far as this account
# may: only a member can, and only of what is its own.
give_to_group() {
  for given; do
    [ -O "$given" ] || continue
    gid=$(stat -c %g "${given%/*}/")
    ! is_shared_with "$gid" || chgrp "$gid" "$given" || return
    # Not before the group is the right one: of another one's the system drops the mark.
    chmod g+rwxs,o-rwx "$given" || return
  done
}

# Whether the settings say that a group shares the tree, and this account is in the group $1.
is_shared_with() {
  [ "$shared" = yes ] || return 1
  case " $(id -G) " in *" $1 "*) return 0 ;; *) return 1 ;; esac
}
