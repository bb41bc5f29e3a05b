"""Entry: rows of a source on their way to its first tasks, counted as in flight until their last effect is done."""

from __future__ import annotations

from caudal.engines.local.compiling import clock
from caudal.engines.local.credit import Credit
from caudal.engines.local.dead_letters import dead_letters
from caudal.engines.local.intake import Piece
from caudal.engines.local.operator_tasks import Ticket, Way
from caudal.engines.local.origins import Origins
from caudal.engines.local.router import Router
from caudal.engines.local.scheduler import Scheduler
from caudal.engines.local.settings import Latency
from caudal.engines.local.stateful import OPEN


class Entry:
    """Carries pieces of sources' channels into the routes. Used by any thread."""

    def __init__(self, scheduler: Scheduler, router: Router, origins: Origins, credit: Credit) -> None:
        self.credit = credit
        self.latency = Latency()
        self._scheduler = scheduler
        self._router = router
        self._origins = origins

    def deliver(self, pieces: list[Piece]) -> None:
        """Carry the first piece on here, queue the others."""
        more = sum(piece.part for piece in pieces)
        if more:
            with self._scheduler.lock:
                pieces[0].channel.in_flight += more
                for piece in pieces:
                    if piece.part:
                        self.credit.part(piece.mark)
        for piece in pieces[1:]:
            self._scheduler.push(1, lambda piece=piece: self.carry(piece))
        if pieces:
            self.carry(pieces[0])

    def carry(self, piece: Piece) -> None:
        """Carry a piece on to the tasks."""
        intake = piece.channel.intake
        ticket = Ticket(lambda: self._landed(piece))
        rows = 0 if piece.morsel is None else piece.morsel.rows
        ways = [Way((p.channel.ordinal,), p.sequence, p.watermark, p.idle) for p in (piece, *piece.along)]
        begin = clock()
        self._router.send(self._router.out[intake.operator], ways, piece.morsel, ticket)
        names = self._origins.names.__getitem__
        owner = piece.channel.ordinal if piece.dead_of is None else piece.dead_of
        dead = dead_letters(piece.dead, names, owner, intake.operator) if piece.dead else None
        self._router.send(self._router.dead[intake.operator], ways, dead, ticket)
        piece.morsel = None
        if rows:
            intake.slicer.learn(rows, clock() - begin)
        ticket.release()

    def _landed(self, piece: Piece) -> None:
        for one in (piece, *piece.along):
            one.channel.landed = one.channel.landed or one.watermark >= OPEN
        if not piece.counted:
            return
        if piece.read_at:
            self.latency.add((clock() - piece.read_at) * 1000)
        with self._scheduler.lock:
            for one in (piece, *piece.along):
                one.channel.in_flight -= 1
                self.credit.leave(one.mark, one.size)
            self._scheduler.wake(all_of_them=True)
