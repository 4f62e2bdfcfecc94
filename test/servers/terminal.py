# Runs a command on a terminal of its own: python3 terminal.py ROWS COLUMNS COMMAND [ARG...]
# Our standard input is typed there, what it shows comes out here; a line "\x00SIZE ROWS COLUMNS" resizes it.
# Ends with the command's exit code, or 128+n.
import fcntl, os, pty, select, signal, struct, sys, termios

rows, columns, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(rows, columns)
typing = True
while True:
    ready, _, _ = select.select([terminal] + ([0] if typing else []), [], [])
    if 0 in ready:
        typed = os.read(0, 4096)
        if not typed:
            typing = False
        elif typed.startswith(b"\x00SIZE "):
            resize(*map(int, typed.split()[1:3]))
        else:
            os.write(terminal, typed)
    if terminal in ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:
            shown = b""
        if not shown:
            break
        os.write(1, shown)
_, status = os.waitpid(pid, 0)
sys.exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
