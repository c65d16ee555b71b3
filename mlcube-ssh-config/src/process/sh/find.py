import fnmatch, os, stat, subprocess, sys, time

# The part of GNU find that the scripts need: the same words, the same output, the same messages.
out = sys.stdout.buffer
LETTERS = {stat.S_IFREG: b"f", stat.S_IFDIR: b"d", stat.S_IFLNK: b"l", stat.S_IFIFO: b"p",
           stat.S_IFSOCK: b"s", stat.S_IFBLK: b"b", stat.S_IFCHR: b"c"}
ESCAPES = {b"0": b"\0", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}


class Entry:
    def __init__(self, path, start, depth, follows):
        self.path, self.start, self.depth, self.follows, self.pruned = path, start, depth, follows, False
        try:
            self.stat = os.stat(path) if follows else os.lstat(path)
        except OSError:
            self.stat = os.lstat(path)
        self.letter = LETTERS.get(stat.S_IFMT(self.stat.st_mode), b"U")

    def end_letter(self):
        try:
            return LETTERS.get(stat.S_IFMT(os.stat(self.path).st_mode), b"U")
        except OSError:
            return self.letter

    def owner(self):
        try:
            import pwd
            return pwd.getpwuid(self.stat.st_uid).pw_name.encode()
        except (ImportError, KeyError):
            return b"%d" % self.stat.st_uid

    def field(self, name):
        if name == b"T":
            return b"%d.%09d0" % divmod(self.stat.st_mtime_ns, 1000000000)
        if name == b"P":
            return self.path[len(self.start):].lstrip(b"/")
        if name == b"l":
            return os.readlink(self.path) if self.letter == b"l" else b""
        if name in (b"y", b"p", b"f"):
            return {b"y": self.letter, b"p": self.path, b"f": os.path.basename(self.path)}[name]
        if name == b"u":
            return self.owner()
        if name == b"m":
            return b"%o" % stat.S_IMODE(self.stat.st_mode)
        return b"%d" % {b"s": self.stat.st_size, b"b": self.stat.st_blocks, b"D": self.stat.st_dev}[name]


def formatted(entry, text):
    made, at = [], 0
    while at < len(text):
        sign, letter = text[at:at + 1], text[at + 1:at + 2]
        if sign == b"\\":
            made.append(ESCAPES[letter])
        elif sign == b"%":
            made.append(b"%" if letter == b"%" else entry.field(letter))
            at += letter == b"T"
        else:
            made.append(sign)
            at -= 1
        at += 2
    return b"".join(made)


class Find:
    def __init__(self, words):
        self.words, self.failed, self.acts, self.batches = list(words), False, False, []
        self.least, self.most, self.follows, self.late = 0, None, False, False
        while self.words and self.words[0] in (b"-L", b"-H", b"-P"):
            self.follows = self.words.pop(0) == b"-L"
        self.starts = []
        while self.words and not (self.words[0][:1] == b"-" or self.words[0] in (b"(", b"!")):
            self.starts.append(self.words.pop(0))
        self.matches = self.either() if self.words else lambda entry: True
        if self.words:
            raise SystemExit("find: unexpected: %s" % os.fsdecode(self.words[0]))

    def either(self):
        parts = [self.every()]
        while self.words and self.words[0] == b"-o":
            self.words.pop(0)
            parts.append(self.every())
        return lambda entry: any(part(entry) for part in parts)

    def every(self):
        parts = []
        while self.words and self.words[0] not in (b"-o", b")"):
            word = self.words.pop(0)
            if word != b"-a":
                parts.append(self.one(word))
        return lambda entry: all(part(entry) for part in parts)

    def one(self, word):
        if word == b"!":
            inner = self.one(self.words.pop(0))
            return lambda entry: not inner(entry)
        if word == b"(":
            inner = self.either()
            self.words.pop(0)
            return inner
        if word in (b"-readable", b"-writable", b"-executable"):
            mode = {b"-readable": os.R_OK, b"-writable": os.W_OK, b"-executable": os.X_OK}[word]
            return lambda entry: os.access(entry.path, mode)
        if word == b"-prune":
            return self.prune
        if word == b"-depth":
            self.late = True
            return lambda entry: True
        if word in (b"-print", b"-print0"):
            return self.printing(b"%p\\n" if word == b"-print" else b"%p\\0")
        if word == b"-exec":
            return self.executing()
        value = self.words.pop(0)
        if word in (b"-mindepth", b"-maxdepth"):
            if word == b"-mindepth":
                self.least = int(value)
            else:
                self.most = int(value)
            return lambda entry: True
        if word == b"-printf":
            return self.printing(value)
        if word == b"-type":
            return lambda entry: entry.letter == value
        if word == b"-xtype":
            return lambda entry: entry.end_letter() == value
        if word == b"-name":
            return lambda entry: fnmatch.fnmatchcase(os.path.basename(entry.path), value)
        if word in (b"-uid", b"-user"):
            # The scripts name a user by number.
            return lambda entry: entry.stat.st_uid == int(value)
        if word == b"-perm":
            # -MODE: all of these bits; /MODE: any of them; MODE: exactly these.
            bits = int(value.lstrip(b"-/"), 8)
            if value[:1] == b"-":
                return lambda entry: entry.stat.st_mode & bits == bits
            if value[:1] == b"/":
                return lambda entry: entry.stat.st_mode & bits != 0
            return lambda entry: stat.S_IMODE(entry.stat.st_mode) == bits
        if word == b"-mtime" and value[:1] == b"+":
            return lambda entry: (time.time() - entry.stat.st_mtime) // 86400 > int(value[1:])
        raise SystemExit("find: unknown predicate '%s'" % os.fsdecode(word))

    @staticmethod
    def prune(entry):
        entry.pruned = True
        return True

    def printing(self, text):
        self.acts = True

        def act(entry):
            out.write(formatted(entry, text))
            return True
        return act

    def executing(self):
        self.acts, command = True, []
        while self.words[0] not in (b";", b"+"):
            command.append(self.words.pop(0))
        if self.words.pop(0) == b"+":
            batch = (command[:-1], [])
            self.batches.append(batch)

            def act(entry):
                batch[1].append(entry.path)
                if len(batch[1]) == 500:
                    self.run_batch(batch)
                return True
            return act
        return lambda entry: self.call([word.replace(b"{}", entry.path) for word in command])

    def run_batch(self, batch):
        command, paths = batch
        if paths and not self.call(command + paths):
            self.failed = True
        del paths[:]

    @staticmethod
    def call(command):
        if command[0] == b"find":
            return Find(command[1:]).run() == 0
        out.flush()
        return subprocess.call(command) == 0

    def complain(self, path, problem):
        if self.follows and isinstance(problem, FileNotFoundError) and os.path.lexists(path):
            return
        out.flush()
        # One line for each, as in GNU find: the reader of the messages takes any line that isn't find's for a failure.
        name = os.fsdecode(path).replace("\n", "\\n")
        sys.stderr.write("find: '%s': %s\n" % (name, problem.strerror))
        self.failed = True

    def visit(self, path, start, depth, above):
        try:
            entry = Entry(path, start, depth, self.follows)
        except OSError as problem:
            return self.complain(path, problem)
        identity = (entry.stat.st_dev, entry.stat.st_ino)
        wanted = depth >= self.least
        if wanted and not self.late:
            self.look(entry)
        enters = entry.letter == b"d" and not entry.pruned and (self.most is None or depth < self.most)
        if enters and identity not in above:
            try:
                with os.scandir(path) as found:
                    names = [each.name for each in found]
            except OSError as problem:
                self.complain(path, problem)
                names = []
            for name in names:
                self.visit(os.path.join(path, name), start, depth + 1, above | {identity})
        if wanted and self.late:
            self.look(entry)

    def look(self, entry):
        try:
            if self.matches(entry) and not self.acts:
                out.write(entry.path + b"\n")
        except OSError as problem:
            self.complain(entry.path, problem)

    def run(self):
        for start in self.starts or [b"."]:
            self.visit(start, start, 0, frozenset())
        for batch in self.batches:
            self.run_batch(batch)
        out.flush()
        return 1 if self.failed else 0


if __name__ == "__main__":
    sys.setrecursionlimit(20000)
    # Names are bytes, and are printed unchanged.
    sys.stderr.reconfigure(errors="surrogateescape")
    sys.exit(Find([os.fsencode(word) for word in sys.argv[1:]]).run())
