"""Rates of tax by country, in per cent: for those functions that work out what an order costs."""

RATES = {"AT": 20, "DE": 19, "FR": 20, "NL": 21}
