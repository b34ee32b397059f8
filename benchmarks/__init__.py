"""convspec beside other runtimes: same networks, same weights, same threads, same run.

    python -m benchmarks --cases vgg

``cases`` says what is run, ``contenders`` by whom, ``measuring`` how; ``results`` is what
was found, and ``table``, ``markdown`` and ``picture`` show it. Nothing here is installed
with the product. The other runtimes are the dependency group ``bench``; who is missing is left out.
"""
