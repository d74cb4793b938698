#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""FTP between two of the lab's hosts, one step at a time:

  ftp.py server ADDRESS         serves one file to everybody
  ftp.py client ADDRESS MODE    MODE is active (PORT) or passive (PASV)

The client agrees with the server on a data connection, says `agreed` and waits for a line. Then it makes that connection,
checks every byte, asks one more thing over the control connection, says `passed`, and begins anew. `end` ends it."""
import ftplib
import socket
import sys
import threading

FILE = bytes(i * 31 + (i >> 8) & 0xff for i in range(200_000))
TIMEOUT_S = 3
SIZE_ANSWER = f"213 {len(FILE)}"


class Session(threading.Thread):
    """One control connection, as the server sees it."""

    def __init__(self, control):
        super().__init__(daemon=True)
        self._control = control
        self._listener = self._data = None

    def run(self):
        self._say("220 Here.")
        for line in self._control.makefile("r", encoding="ascii", newline="\r\n"):
            command, _, argument = line.strip().partition(" ")
            answer = getattr(self, f"_{command.lower()}", None)
            self._say(answer(argument) if answer else f"502 No {command} here.")

    def _say(self, line):
        self._control.sendall(line.encode("ascii") + b"\r\n")

    def _user(self, _):
        return "230 Welcome."

    def _type(self, _):
        return "200 As it is."

    def _size(self, _):
        return SIZE_ANSWER

    def _port(self, argument):
        numbers = [int(number) for number in argument.split(",")]
        self._data = (".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5])
        return "200 There."

    def _pasv(self, _):
        address = self._control.getsockname()[0]
        self._listener = socket.create_server((address, 0))
        port = self._listener.getsockname()[1]
        return f"227 Entering Passive Mode ({address.replace('.', ',')},{port // 256},{port % 256})."

    def _retr(self, _):
        self._say("150 Now.")
        try:
            if self._listener:
                self._listener.settimeout(TIMEOUT_S)
                data = self._listener.accept()[0]
            else:
                data = socket.create_connection(self._data, timeout=TIMEOUT_S)
        except OSError as error:
            return f"425 No data connection: {error}"
        finally:
            if self._listener:
                self._listener.close()
                self._listener = None
        with data:
            data.sendall(FILE)
        return "226 Done."


def serve(address):
    with socket.create_server((address, 21)) as listener:
        print("ready", flush=True)
        while True:
            Session(listener.accept()[0]).start()


def received(connection):
    parts = []
    with connection:
        connection.settimeout(TIMEOUT_S)
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def transfer(ftp, active):
    """Up to the agreement, then the rest of it."""
    if active:
        listener = ftp.makeport()
        listener.settimeout(TIMEOUT_S)
    else:
        where = ftp.makepasv()
    print("agreed", flush=True)
    if sys.stdin.readline().strip() == "end":
        sys.exit(0)
    if active:
        ftp.putcmd("RETR file")
        ftp.getresp()
        with listener:
            data = received(listener.accept()[0])
    else:
        connection = socket.create_connection(where, timeout=TIMEOUT_S)
        ftp.sendcmd("RETR file")
        data = received(connection)
    if data != FILE:
        sys.exit(f"wrong: {len(data)} bytes of {len(FILE)} came, or others")
    ftp.voidresp()
    if ftp.sendcmd("SIZE file") != SIZE_ANSWER:
        sys.exit("wrong: the control connection is out of step")
    print("passed", flush=True)


def main():
    if sys.argv[1] == "server":
        serve(sys.argv[2])
    ftp = ftplib.FTP(timeout=TIMEOUT_S)
    ftp.connect(sys.argv[2])
    ftp.sendcmd("USER lab")
    ftp.sendcmd("TYPE I")
    while True:
        transfer(ftp, sys.argv[3] == "active")


if __name__ == "__main__":
    main()
