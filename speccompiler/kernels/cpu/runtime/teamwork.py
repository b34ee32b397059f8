"""The machine code of the thread team: several steps, several threads, no Python in between.

A *job* is some steps of a plan. Steps are cut into chunks of tasks, and each thread begins with a
share of neighbouring ones, the same share of every step: what it wrote in one step is what it
mostly reads in the next, and lies in its own cache. When its share is done it takes what others
have left. A share's next chunk is its *ticket*: the step's number in the upper 32 bits, the
chunk's in the lower ones, so that nobody can take a ticket of a step that has ended. The caller
goes from step to step when all chunks of one are done. Helpers wait in a loop for the next step,
because waking a thread takes as long as a small step. A helper that has waited too long for a job
sleeps until it is asked; waking it needs no Python, so that nobody has to wait for the GIL.

The caller asks for helpers, and waits until they have left, within one call of machine code.
Whatever happens in Python, an interrupt or a fork, therefore happens while no helper knows of
the job.

A job, its program and the mailboxes are int64 in shared memory, each group on a cache line of
its own:

job      STEP (1 more than the number of the open one) | DONE (chunks, by helpers) | LEFT (helpers
         that have left), SLOT (last given) | PROGRAM, FAILED, YIELD (address of a C function that
         lets other threads run), OFFERS (helpers to ask), TICKETS (address of each slot's
         ticket, a cache line for each) | the address of each one's mailbox
program  for each step FUNCTION, FIRST and LAST (the tasks are those before it), CHUNK (tasks
         in one), THREADS, ARGUMENTS (address of the addresses of the kernel's arguments, one
         a slot)
mailbox  IDLE (its helper looks into it in a loop), ASLEEP (it has to be woken to look),
         WORKING, or the address of a job that asks for it | MUTEX, as C has it | CONDITION,
         likewise | addresses of the C functions LOCK, UNLOCK, SLEEP and WAKE
"""

from speccompiler.kernels.cpu.codegen.calls import address_of
from speccompiler.kernels.cpu.codegen.jit import jit
from speccompiler.kernels.cpu.runtime.atomics import (
    add,
    at,
    call,
    call_kernel,
    exchange_if,
    load,
    pause,
    store,
)

STEP, DONE, LEFT, SLOT = 0, 8, 16, 17
PROGRAM, FAILED, YIELD, OFFERS, TICKETS, OFFERED = 24, 25, 26, 27, 28, 32
FUNCTION, FIRST, LAST, CHUNK, THREADS, ARGUMENTS, RECORD = 0, 1, 2, 3, 4, 5, 6
MUTEX, CONDITION, LOCK, UNLOCK, SLEEP, WAKE = 8, 16, 32, 33, 34, 35
IDLE, ASLEEP, WORKING = 0, 1, 2
RUN, HELP = 0, 1
OVER = 1 << 60
LINE = 8
PATIENCE, IDLE_PATIENCE = 2000, 5000
"""Rounds of waiting before a thread lets others run, and before a helper without a job sleeps."""


@jit
def wait(rounds, leave):
    """Wait a moment; after many rounds, let other threads run."""
    pause()
    if rounds > PATIENCE:
        call(leave, 0, 0, 0, 0)


@jit
def sleep(mailbox):
    """Sleep until somebody asks for this mailbox's helper."""
    mutex, condition = address_of(mailbox, MUTEX), address_of(mailbox, CONDITION)
    call(mailbox[LOCK], mutex, 0, 0, 0)
    while load(mailbox, 0) == ASLEEP:
        # The last two arguments say to Windows that it may take for ever.
        call(mailbox[SLEEP], condition, mutex, 0xFFFFFFFF, 0)
    call(mailbox[UNLOCK], mutex, 0, 0, 0)


@jit
def wake(mailbox):
    """Wake the helper, which either sleeps or is about to."""
    mutex = address_of(mailbox, MUTEX)
    call(mailbox[LOCK], mutex, 0, 0, 0)
    call(mailbox[WAKE], address_of(mailbox, CONDITION), 0, 0, 0)
    call(mailbox[UNLOCK], mutex, 0, 0, 0)


@jit
def take_chunks(job, slot):
    """Do chunks of the open step while there are any, one's own first; return how many."""
    step, done = load(job, STEP) - 1, 0
    if step < 0 or step >= OVER - 1:
        return done
    program, record, tickets = at(job[PROGRAM]), step * RECORD, at(job[TICKETS])
    threads, chunk = program[record + THREADS], program[record + CHUNK]
    first, last = program[record + FIRST], program[record + LAST]
    chunks = (last - first + chunk - 1) // chunk
    if slot >= threads:
        return done
    share = slot
    for _ in range(threads):
        end = (share + 1) * chunks // threads
        while True:
            ticket = load(tickets, share * LINE)
            number = ticket & 0xFFFFFFFF
            if ticket >> 32 != step + 1:
                # The step has ended, and with it all shares.
                return done
            if number >= end:
                break
            if exchange_if(tickets, share * LINE, ticket, ticket + 1):
                arguments = at(program[record + ARGUMENTS])[slot]
                lo = first + number * chunk
                if call_kernel(program[record + FUNCTION], lo, min(last, lo + chunk), arguments):
                    store(job, FAILED, 1)
                done += 1
        share = share + 1 if share + 1 < threads else 0
    return done


@jit
def run_step(job, step):
    """Do all of a step, as the caller."""
    program, record = at(job[PROGRAM]), step * RECORD
    first, last, chunk = program[record + FIRST], program[record + LAST], program[record + CHUNK]
    threads = program[record + THREADS]
    if threads == 1 or chunk >= last - first:
        arguments = at(program[record + ARGUMENTS])[0]
        if call_kernel(program[record + FUNCTION], first, last, arguments) != 0:
            store(job, FAILED, 1)
        return
    chunks, tickets = (last - first + chunk - 1) // chunk, at(job[TICKETS])
    store(job, DONE, 0)
    for share in range(threads):
        store(tickets, share * LINE, ((step + 1) << 32) + share * chunks // threads)
    store(job, STEP, step + 1)
    others = chunks - take_chunks(job, 0)
    rounds = 0
    while load(job, DONE) < others:
        rounds += 1
        wait(rounds, job[YIELD])


@jit
def offer(job):
    """Ask the helpers that are listed; strike off (0) those that are busy now."""
    store(job, STEP, 0)
    store(job, LEFT, 0)
    store(job, SLOT, 0)
    for place in range(OFFERED, OFFERED + job[OFFERS]):
        mailbox, address = at(job[place]), address_of(job, 0)
        if exchange_if(mailbox, 0, IDLE, address):
            continue
        if exchange_if(mailbox, 0, ASLEEP, address):
            wake(mailbox)
        else:
            job[place] = 0


@jit
def dismiss(job):
    """End the job: take back offers that nobody accepted, and wait until all helpers have left."""
    store(job, STEP, OVER)
    accepted = 0
    for place in range(OFFERED, OFFERED + job[OFFERS]):
        # Whether that helper sleeps is not known. If it does not, it will say so itself.
        if job[place] != 0 and not exchange_if(at(job[place]), 0, address_of(job, 0), ASLEEP):
            accepted += 1
    rounds = 0
    while load(job, LEFT) < accepted:
        rounds += 1
        wait(rounds, job[YIELD])


@jit
def run(job, lo, hi):
    """Run the steps ``lo`` to ``hi``, as the caller."""
    store(job, FAILED, 0)
    offer(job)
    for step in range(lo, hi):
        run_step(job, step)
    dismiss(job)


@jit
def help_out(mailbox):
    """Serve jobs for ever, as a helper."""
    rounds = 0
    while True:
        found = load(mailbox, 0)
        if found == ASLEEP:
            exchange_if(mailbox, 0, ASLEEP, IDLE)
        elif found > WORKING and exchange_if(mailbox, 0, found, WORKING):
            job = at(found)
            slot = 1 + add(job, SLOT, 1)
            rounds = 0
            while load(job, STEP) < OVER:
                done = take_chunks(job, slot)
                if done > 0:
                    # The caller waits for these; it knows how many chunks it has done itself.
                    add(job, DONE, done)
                    rounds = 0
                rounds += 1
                wait(rounds, job[YIELD])
            # After this the job may be gone.
            add(job, LEFT, 1)
            store(mailbox, 0, IDLE)
            rounds = 0
        rounds += 1
        if rounds > IDLE_PATIENCE and exchange_if(mailbox, 0, IDLE, ASLEEP):
            sleep(mailbox)
            rounds = 0
        pause()


@jit
def kernel(lo, hi, n, x, y, w, b, g, scratch, f):
    """``n`` says what to do: RUN steps ``lo`` to ``hi`` of job ``g``, or HELP at mailbox ``g``."""
    if n == RUN:
        run(g, lo, hi)
    else:
        help_out(g)
