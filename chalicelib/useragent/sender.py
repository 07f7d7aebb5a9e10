"""Sending folders: scanning, journal and parallel connections around one ``StoreClient``.

Scanning goes on while the first batches are sent. Every thread works on the journal alone, so
memory depends on connections and batch size and not on the number of files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Condition, Thread

from chalicelib.useragent.acquired import AcquiredSource, Acquirer
from chalicelib.useragent.client import StoreClient
from chalicelib.useragent.clock import SystemClock
from chalicelib.useragent.crew import Crew, processors
from chalicelib.useragent.doors import FACTS, Door, lots
from chalicelib.useragent.errors import (
    DestinationError,
    SourceError,
    Stopped,
    UserAgentError,
)
from chalicelib.useragent.headers import Identity
from chalicelib.useragent.journal import Journal
from chalicelib.useragent.journal_entries import Entry
from chalicelib.useragent.model import Cause, Instance, Outcome, State
from chalicelib.useragent.progress import Progress
from chalicelib.useragent.recorder import Recorder
from chalicelib.useragent.report import Report, make_report
from chalicelib.useragent.scan import Found, Skipped, scan
from chalicelib.useragent.sending_parts import Shared, as_twin, failed, is_same
from chalicelib.useragent.session_ledger import JournalLedger, can_go_on, remembered_doors
from chalicelib.useragent.sources import FileSource, Source

_SCANNED_AT_FIRST, _SCANNED_AT_ONCE = 10, 200
"""Files that are entered in the journal together: few at first, so that sending begins at once."""
_MAX_BYTES = "max_bytes"


@dataclass(frozen=True, slots=True)
class SendOptions:
    """What to send.

    Parameters
    ----------
    paths : sequence of str
    study : str
        Send instances of this study alone; others fail as of another study. "" sends all.
    connections : int
        Batches under way at once, at most: many only where there is time to spare (``crew``).
    sends_again : bool
        Send what the journal says is stored once more.
    acquirer : Acquirer, optional
        Makes instances of pictures, videos and documents; without it they are skipped.
    """

    paths: Sequence[str]
    study: str = ""
    connections: int = 4
    sends_again: bool = False
    acquirer: Acquirer | None = field(default=None, repr=False)


class Sender:
    """One run. ``run`` blocks; ``stop`` ends it early from another thread or a signal.

    Parameters
    ----------
    journal : Journal
        Open for the destination.
    client : StoreClient
    clock : SystemClock
        The client's own, so that ``stop`` ends its waiting.
    """

    def __init__(
        self, journal: Journal, client: StoreClient, options: SendOptions, clock: SystemClock
    ) -> None:
        self.progress = Progress()
        self._journal = journal
        self._client = client
        self._options = options
        self._clock = clock
        at_once = processors() + 1 if client.is_plain else options.connections
        self._crew = Crew(at_once)
        self._more = Condition()
        self._is_scanned = False
        self._entered = self._handed = 0
        self._stopped = ""
        self._error: BaseException | None = None
        self._ledger = JournalLedger(journal.sessions, self.progress.moved)

    def stop(self, why: str = "Interrupted") -> None:
        """Begin nothing more; what is under way comes to its end."""
        self._stopped = self._stopped or why
        self._clock.stop()
        self._crew.dismiss()
        with self._more:
            self._more.notify_all()

    def start(self) -> list[Thread]:
        """Start the threads of the run and return them."""
        self._journal.begin_run()
        self._journal.resume()
        if self._options.sends_again:
            self._journal.forget()
        remembered = self._journal.fact(_MAX_BYTES)
        if remembered:
            self._client.limits.lower_bytes(int(remembered))
        doors = self._client.doors
        doors.learn({**remembered_doors(self._journal), **doors.facts})
        queue = lots(self._instances(), doors, self._client.encoder.cost)
        source = Shared(queue, self._is_at_hand)
        threads = [Thread(target=self._scan, name="scan", daemon=True)]
        for number in range(self._options.connections):
            name = f"send-{number}"
            threads.append(Thread(target=self._work, args=(source,), name=name, daemon=True))
        for thread in threads:
            thread.start()
        return threads

    def run(self) -> Report:
        """Send everything and return what it came to."""
        started = self._clock.monotonic()
        for thread in self.start():
            thread.join()
        return self.finish(self._clock.monotonic() - started)

    def finish(self, seconds: float) -> Report:
        """Return the report, once all threads have ended.

        Raises
        ------
        BaseException
            What a thread failed with that is no failure of sending.
        """
        if self._error is not None:
            raise self._error
        self._settle_twins()
        if self._client.limits.learnt_bytes is not None:
            self._journal.remember(_MAX_BYTES, str(self._client.limits.learnt_bytes))
        for name in FACTS:
            self._journal.remember(name, str(self._client.doors.facts.get(name, "")))
        return make_report(
            self._journal,
            stopped=self._stopped,
            seconds=seconds,
            sent_bytes=self.progress.settled_bytes,
            said=self.progress.said,
        )

    # ------------------------------------------------------------------ finding

    def _scan(self) -> None:
        try:
            self._resume()
            self._scan_paths()
        except Exception as error:  # noqa: BLE001 - a thread's error is raised by ``finish``
            self._fail(error)
        finally:
            self.progress.is_scanning = False
            with self._more:
                self._is_scanned = True
                self._more.notify_all()

    def _resume(self) -> None:
        """Go on with sessions that an earlier process left; before files are looked at anew."""
        doors, recorder = self._client.doors, Recorder(self._journal, self.progress)
        kept = list(self._journal.sessions.kept())
        for session, entries in kept:
            is_refused = doors.choice is Door.SMALL and not session.was_completed
            if self._stopped or (can_go_on(session, entries) and not is_refused):
                self._journal.sessions.claim(session, self._journal.run)
            else:
                self._client.cancel(session, self._ledger)
                entries.clear()
        try:
            for session, entries in kept:
                if entries and not self._stopped:
                    self.progress.found += len(entries)
                    self.progress.found_bytes += sum(one.source.size for one in entries)
                    self._ledger.resumed(session)
                    instances = [one.instance(self._source(one)) for one in entries]
                    self._client.resume(session, instances, recorder, self._ledger)
        except Stopped:
            pass
        except DestinationError as error:
            self.stop(error.detail)
        finally:
            recorder.idle()
        self.progress.found = self.progress.found_bytes = 0  # the scan meets these files too

    def _scan_paths(self) -> None:
        found: list[tuple[FileSource, Identity, str]] = []
        skipped: list[Skipped] = []
        can_acquire = self._options.acquirer is not None
        at_once = _SCANNED_AT_FIRST
        for one in scan(self._options.paths, self._journal.is_known, can_acquire=can_acquire):
            if self._stopped:
                break
            self._sort(one, found, skipped)
            if len(found) + len(skipped) >= at_once:
                self._enter(found, skipped)
                at_once = min(2 * at_once, _SCANNED_AT_ONCE)
        self._enter(found, skipped)

    def _sort(
        self,
        one: Found | Skipped,
        found: list[tuple[FileSource, Identity, str]],
        skipped: list[Skipped],
    ) -> None:
        if isinstance(one, Found) and one.form:
            one = self._acquire(one)
        if isinstance(one, Skipped):
            skipped.append(one)
            self.progress.skipped += 1
            return
        self.progress.found += 1
        self.progress.found_bytes += one.source.size
        if one.identity is not None:
            found.append((one.source, one.identity, one.form))

    def _acquire(self, one: Found) -> Found | Skipped:
        acquirer = self._options.acquirer
        assert acquirer is not None
        try:
            return one._replace(identity=acquirer.identify(one.source.path))
        except SourceError as error:
            return Skipped(one.source.path, f"no instance can be made: {error.detail}", True)

    def _enter(self, found: list[tuple[FileSource, Identity, str]], skipped: list[Skipped]) -> None:
        if found:
            self._journal.add(found)
            self._entered += len(found)
        if skipped:
            self._journal.add_skipped(skipped)
        found.clear()
        skipped.clear()
        with self._more:
            self._more.notify_all()

    # ------------------------------------------------------------------ planning

    def _instances(self) -> Iterator[Instance]:
        """Yield what is to be sent, waiting for the scan where it is ahead of it."""
        after = 0
        while not self._stopped:
            with self._more:
                is_scanned = self._is_scanned
            entries = self._journal.pending(after)
            repeated = self._journal.repeated(after, entries[-1].turn) if entries else set()
            for entry in entries:
                self._handed += 1
                if not self._is_sendable(entry, is_repeated=entry.id in repeated):
                    continue
                source = self._source(entry)
                if self._is_made(entry, source):
                    yield entry.instance(source)
            if entries:
                after = entries[-1].turn
            elif is_scanned:
                return
            else:
                with self._more:
                    if not self._is_scanned:
                        self._more.wait(0.5)

    def _is_at_hand(self) -> bool:
        """Return whether there is enough in the journal for another batch of any kind."""
        if self._is_scanned:
            return True
        doors = self._client.doors
        most = doors.lot_instances if doors.has_sessions else doors.limits.max_parts
        return self._entered - self._handed > most

    def _source(self, entry: Entry) -> Source:
        acquirer = self._options.acquirer
        if not entry.form or acquirer is None:
            return entry.source
        return AcquiredSource(entry.source, acquirer, entry.identity.sop_instance)

    def _is_made(self, entry: Entry, source: Source) -> bool:
        """Make the instance, where it is made of something, as batches are planned by its size."""
        if isinstance(source, AcquiredSource):
            try:
                source.make()
            except SourceError as error:
                self._settled(failed(entry, Cause.SOURCE, error.detail))
                return False
        return True

    def _is_sendable(self, entry: Entry, *, is_repeated: bool) -> bool:
        study = self._options.study
        if study and entry.identity.study != study:
            detail = "It is of another study than --study names."
            self._settled(failed(entry, Cause.OTHER_STUDY, detail))
            return False
        if not is_repeated:
            return True
        first = self._journal.first_of(entry.identity.sop_instance, entry.turn)
        if first is None:
            return True
        if is_same(first.source, entry.source):
            self._journal.settled([as_twin(entry, State.FOUND)])
        else:
            detail = f"It has the SOP Instance UID of {first.source.label} and other content."
            self._settled(failed(entry, Cause.TWIN, detail))
        return False

    def _settle_twins(self) -> None:
        """A copy of a file shares what became of the first (the server lists a UID once)."""
        for entry in self._journal.iterate((State.FOUND,)):
            if entry.cause is Cause.TWIN:
                first = self._journal.first_of(entry.identity.sop_instance, entry.turn)
                if first is not None:
                    self._settled(as_twin(entry, first.state, first.reason))

    def _settled(self, outcome: Outcome) -> None:
        """Take note of what became of an instance without a request."""
        self._journal.settled([outcome])
        self.progress.count([outcome])

    # ------------------------------------------------------------------ sending

    def _work(self, source: Shared) -> None:
        def idle() -> None:
            self._crew.waits()
            source.prepare()

        recorder = Recorder(self._journal, self.progress, idle)
        self._crew.join()
        try:
            while (batch := source.take()) is not None and not self._stopped:
                with self._crew.at_work():
                    self._client.store(batch, recorder, self._ledger)
        except Stopped:
            pass
        except DestinationError as error:
            self.stop(error.detail)
        except Exception as error:  # noqa: BLE001 - a thread's error is raised by ``finish``
            self._fail(error)
        finally:
            self._crew.dismiss()
            self._end(recorder)

    def _end(self, recorder: Recorder) -> None:
        try:
            recorder.write()
        except Exception as error:  # noqa: BLE001 - likewise
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.stop(str(error) if isinstance(error, UserAgentError) else "An error of this program")
