"""The machine code of the thread team: several steps, several threads, no Python between.

A *job* is one run of a plan. Its steps are cut into chunks of tasks, and whoever is free
takes the next chunk by a ticket: the step's number above 32 bits, the chunk's below, so that
a ticket for a step that has ended cannot be taken. The caller goes through the steps and
passes on only when all chunks of one are done; helpers wait in a loop for the next ticket,
because waking a thread takes as long as a small step. A helper that has waited too long for
a job goes to sleep (its call returns to Python).

All are int64 in shared memory, each group on a cache line of its own:

job      TICKET | DONE | LEFT (helpers that have left), SLOT (last given) | PROGRAM, FAILED,
         YIELD (address of a C function that lets other threads run, or 0), OFFERS (helpers
         asked), then the address of each helper asked and whether it was asleep
program  for each step FUNCTION, TASKS, CHUNK, THREADS, ARGUMENTS (address of the addresses of
         the kernel's arguments, one a slot)
helper   its mailbox: IDLE, ASLEEP, WORKING, or the address of a job that asks for it
"""

from numba import njit

from speccompiler.kernels.cpu.atomics import (
    add,
    at,
    call,
    call_kernel,
    exchange_if,
    load,
    pause,
    store,
)

TICKET, DONE, LEFT, SLOT, PROGRAM, FAILED, YIELD, OFFERS, OFFERED = 0, 8, 16, 17, 24, 25, 26, 27, 32
FUNCTION, TASKS, CHUNK, THREADS, ARGUMENTS, RECORD = 0, 1, 2, 3, 4, 5
IDLE, ASLEEP, WORKING = 0, 1, 2
RUN, HELP, OFFER, DISMISS = 0, 1, 2, 3
OVER = 1 << 60
PATIENCE, IDLE_PATIENCE = 2000, 5000


@njit(error_model="numpy")
def wait(rounds, leave):
    """A moment; after many rounds the thread lets others run."""
    pause()
    if rounds > PATIENCE and leave != 0:
        call(leave)


@njit(error_model="numpy")
def take_chunks(job, slot):
    """Do chunks of the step that is open while there are any; how many were done."""
    done = 0
    while True:
        ticket = load(job, TICKET)
        step = (ticket >> 32) - 1
        if ticket >= OVER or step < 0:
            return done
        record = step * RECORD
        program = at(job[PROGRAM])
        tasks, chunk = program[record + TASKS], program[record + CHUNK]
        first = (ticket & 0xFFFFFFFF) * chunk
        if first >= tasks or slot >= program[record + THREADS]:
            return done
        if exchange_if(job, TICKET, ticket, ticket + 1):
            arguments = at(program[record + ARGUMENTS])[slot]
            last = min(tasks, first + chunk)
            if call_kernel(program[record + FUNCTION], first, last, arguments) != 0:
                store(job, FAILED, 1)
            done += 1
            if slot > 0:
                # The caller counts its own at the end; it waits for these.
                add(job, DONE, 1)


@njit(error_model="numpy")
def run(job, lo, hi):
    """Steps ``lo`` to ``hi``, as the caller."""
    program = at(job[PROGRAM])
    for step in range(lo, hi):
        record = step * RECORD
        tasks, chunk = program[record + TASKS], program[record + CHUNK]
        if program[record + THREADS] == 1 or chunk >= tasks:
            arguments = at(program[record + ARGUMENTS])[0]
            if call_kernel(program[record + FUNCTION], 0, tasks, arguments) != 0:
                store(job, FAILED, 1)
            continue
        chunks = (tasks + chunk - 1) // chunk
        store(job, DONE, 0)
        store(job, TICKET, (step + 1) << 32)
        others = chunks - take_chunks(job, 0)
        rounds = 0
        while load(job, DONE) < others:
            rounds += 1
            wait(rounds, job[YIELD])


@njit(error_model="numpy")
def help_out(helper):
    """Serve jobs until none has come for a while."""
    exchange_if(helper, 0, ASLEEP, IDLE)
    rounds = 0
    while True:
        offered = load(helper, 0)
        if offered > WORKING and exchange_if(helper, 0, offered, WORKING):
            job = at(offered)
            slot = 1 + add(job, SLOT, 1)
            rounds = 0
            while load(job, TICKET) < OVER:
                if take_chunks(job, slot) > 0:
                    rounds = 0
                rounds += 1
                wait(rounds, job[YIELD])
            # After this the job may be gone.
            add(job, LEFT, 1)
            store(helper, 0, IDLE)
            rounds = 0
        rounds += 1
        if rounds > IDLE_PATIENCE and exchange_if(helper, 0, IDLE, ASLEEP):
            return
        pause()


@njit(error_model="numpy")
def offer(job, address):
    """Ask the helpers that are listed; those that are busy are struck off (their address is 0)."""
    store(job, TICKET, 0)
    store(job, LEFT, 0)
    store(job, SLOT, 0)
    for index in range(job[OFFERS]):
        place = OFFERED + 2 * index
        helper = at(job[place])
        job[place + 1] = 0
        if exchange_if(helper, 0, IDLE, address):
            continue
        if exchange_if(helper, 0, ASLEEP, address):
            job[place + 1] = 1
        else:
            job[place] = 0


@njit(error_model="numpy")
def dismiss(job, address):
    """End the job: take back what nobody accepted, and wait until all others have left."""
    store(job, TICKET, OVER)
    accepted = 0
    for index in range(job[OFFERS]):
        place = OFFERED + 2 * index
        if job[place] != 0:
            before = ASLEEP if job[place + 1] == 1 else IDLE
            if not exchange_if(at(job[place]), 0, address, before):
                accepted += 1
    job[OFFERS] = 0
    rounds = 0
    while load(job, LEFT) < accepted:
        rounds += 1
        wait(rounds, job[YIELD])


@njit(error_model="numpy")
def kernel(lo, hi, n, x, y, w, b, g, scratch):
    """``n`` says what to do: RUN steps ``lo`` to ``hi``, HELP, OFFER or DISMISS; ``lo`` is then
    the address of ``g``."""
    if n == RUN:
        run(g, lo, hi)
    elif n == HELP:
        help_out(g)
    elif n == OFFER:
        offer(g, lo)
    else:
        dismiss(g, lo)
