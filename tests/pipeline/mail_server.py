"""usage: mail_server.py FOLDER PORT-FILE PORT. Keeps each mail it gets by SMTP in FOLDER; PORT 0 takes a free one."""
import os
import signal
import sys
import time

from aiosmtpd.controller import Controller

folder, port_file, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Keep:
    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(folder, f"{time.time_ns()}.eml")
        with open(name, "wb") as file:
            file.write(f"X-Envelope-To: {','.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content)
        return "250 kept"


class FreePort(Controller):
    def _trigger_server(self):  # with port 0 the one that was given is known only now
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


controller = FreePort(Keep(), hostname="127.0.0.1", port=port)
controller.start()
with open(port_file + ".part", "w") as file:
    file.write(str(controller.port))
os.rename(port_file + ".part", port_file)
signal.pause()
