raise SystemExit(
    "MESSAGE FROM THE INTEGRATOR to 'start': commits a2d94cb and 72fc5cc (specs checked by a record/acceptance framework of our own, without pydantic) are NOT wanted. "
    "The mission: specifications are validated by pydantic schemas; the schemas stay plain pydantic BaseModel classes (see main: tests/schemas/test_pydantic.py). "
    "Now: git reset --hard 5bb28f7~0 is not enough, it contains a2d94cb: make a new line: `git checkout -B start main`, then cherry-pick the commits that are unrelated to it "
    "(372481e, 5bb28f7, 78bf8f0, the benchmark of start-up from 72fc5cc), and reach the bar with pydantic itself: schema modules imported by the layer types that occur, "
    "defer_build, fewer classes, importing less; tell honestly which ratio that gives. Then the kept plan of a warm run. Delete conftest.py and READ-ME-INTEGRATOR.txt of the worktree's root when read."
)
