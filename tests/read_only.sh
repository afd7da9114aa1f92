# sh tests/read_only.sh ROOM PYTHON COMMAND...: run COMMAND as a container would that has a read-only root and another
# user: as nobody, with a system on which only the folder ROOM can be written. PYTHON is the folder of the Python that
# COMMAND runs; where it lies in a private folder, only it is shown of that. As root, by: unshare --mount.
set -e
room=$1 python=$2
shift 2
mount --make-rprivate /
mount -t tmpfs tmpfs "$room"
chmod 1777 "$room"
private=$python
while [ "$private" != / ] && [ -n "$(find "$private" -maxdepth 0 -perm -o+x)" ]; do private=$(dirname "$private"); done
if [ "$private" != / ]; then
    mkdir "$room/python"
    mount --bind "$python" "$room/python"
    mount -t tmpfs tmpfs "$private"
    mkdir -p "$python"
    chmod 755 "$private"
    mount --bind "$room/python" "$python"
    umount "$room/python"
    rmdir "$room/python"
fi
mount -o remount,bind,ro /
exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs \
    env -i PATH=/usr/bin:/bin HOME=/nonexistent TMPDIR="$room" "$@"
