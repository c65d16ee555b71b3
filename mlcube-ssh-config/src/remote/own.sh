# Whose the folders are that hold what runs here. Others must not be able to put something in its place.
# shellcheck disable=SC2154 # the client sets shared

# Ends the script unless these folders, as far as they exist, are this account's own, nobody else can write in them, and
# nobody else can exchange what leads to them, as the path has it and as it really is. In a folder that a group shares its
# members may.
check_own() {
  for checked; do
    found=$(not_own "$checked")
    [ -z "$found" ] || problem not-own "$found"
  done
}

# Prints what is wrong with the folder $1, if anything is: `owner WHO MODE PATH` or `writable WHO MODE PATH`.
not_own() {
  place=$1 itself=$1 me=$(id -u)
  until [ -e "$place" ] || [ -L "$place" ]; do
    place=${place%/*} itself=
    [ -n "$place" ] || place=/
  done
  real=$(cd -P "$place" 2>/dev/null && pwd -P) || real=$place
  [ -z "$itself" ] || itself=$real
  set --
  for way in "$place" "$real"; do
    while :; do
      set -- "$@" "$way"
      [ "$way" != / ] || break
      way=${way%/*}
      [ -n "$way" ] || way=/
    done
  done
  # One process for all of them.
  stat -c '%u %g %A %n' "$@" 2>/dev/null | while read -r uid gid mode path; do
    if [ "$uid" != "$me" ] && [ "$uid" != 0 ] && ! is_shared_with "$gid"; then
      printf 'owner %s %s %s\n' "$(stat -c %U "$path" | tr ' ' _)" "$mode" "$path"
      break
    fi
    case $mode in
      # A link has no mode of its own, and nobody puts another one into a sticky folder in place of ours.
      l* | d????????[tT]) [ "$path" = "$itself" ] || continue ;;
    esac
    case $mode in
      l*) ;;
      ????????w?) printf 'writable everybody %s %s\n' "$mode" "$path" && break ;;
      ?????w????)
        is_private "$gid" || is_shared_with "$gid" || {
          printf 'writable %s %s %s\n' "$(stat -c %G "$path" | tr ' ' _)" "$mode" "$path"
          break
        }
        ;;
    esac
  done
}

# Whether nobody else is in the group $1: many systems give every user a group of that name.
is_private() { [ "$1" = "$(id -g)" ] && [ "$(id -gn)" = "$(id -un)" ]; }

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
