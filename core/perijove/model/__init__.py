"""The vocabulary every part of Perijove shares: specs, statuses, reasons, records, events and resources."""
