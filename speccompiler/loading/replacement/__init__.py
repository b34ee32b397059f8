"""What an owner says of layers that a file holds only as code: its *answers*.

    --replace lambda_1="x / 127.5 - 1"          replace: {lambda_1: x / 127.5 - 1}

``replaceable_layers`` finds the layers, ``answers`` reads what is said of them, ``insertion`` puts
that in their places. The rest writes the hints: what to say, as far as a file tells.
"""
