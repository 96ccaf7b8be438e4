"""Small repetitions of the experiments of the papers, on drawn pictures and a CPU.

    python -m experiments run activation
    python -m experiments draw

``docs/experiments.md`` says what came out. Networks and training are those of atrous; what is
here is the pictures, a small network, and the settings that are compared.
"""
