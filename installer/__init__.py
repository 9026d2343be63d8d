"""Sets Genba up on a machine: ``python3 -m installer demo | test | install``; standard library only."""
