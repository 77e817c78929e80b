"""One question as one file: its trainings on one machine or a cluster, resumed until they are done."""
